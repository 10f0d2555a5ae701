#pragma once

#include <vector>

#include "analysis/microbench/context.cuh"
#include "analysis/microbench/measurement.hpp"

namespace moesim::microbench {

/// The rows that measuring a case gives: one, or two where a copy ran beside it. Never throws for
/// what a library refuses (status "unsupported"); throws std::runtime_error when the device fails.
std::vector<Measurement> measure(const Case& what, Context& on);

// One file each, for what is no plain repetition of a kernel.
Measurement measure_launch(const Case& what, Context& on);
std::vector<Measurement> measure_contention(const Case& what, Context& on);

/// Runs the prepared case once and compares: the relative error.
double first_run(const Prepared& prepared, Context& on);

}  // namespace moesim::microbench
