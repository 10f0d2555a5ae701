#pragma once

#include <vector>

#include "topologies/kernel_forms.hpp"
#include "topologies/profile_data.hpp"

namespace moesim::analysis {

/// The form that six unbounded numbers stand for: share, extra depth, floor, quantisation, tile
/// cost, stream share; and where a search begins.
topologies::GemmForm gemm_form(const std::vector<double>& x);
std::vector<double> gemm_start();

/// (-inf, inf) onto (least, most).
double bounded(double x, double least, double most);

}  // namespace moesim::analysis
