#pragma once

#include "topologies/kernel_forms.hpp"
#include "topologies/profile_data.hpp"

namespace moesim::topologies {

using Sizes = std::array<double, 5>;  // logarithms that distances are taken of

double logarithm(double size);
Sizes logarithms(Sizes sizes);
Sizes attention_logarithms(const AttentionCore& q);

/// The form of a product: that of groups where it was fitted and there are some, else the dense
/// one.
const GemmForm& form_of(const Profile::Impl& impl, const Gemm& q);
/// Sizes in the residual grid of that form.
ResidualGrid::Sizes residual_sizes(const Profile::Impl& impl, const Gemm& q);

/// Form times residual, alone on some hardware; seconds.
double gemm_alone(const Profile::Impl& impl, const Gemm& q, const Hardware& on);
double attention_alone(const Profile::Impl& impl, const AttentionCore& q, const Hardware& on);

/// Fills what look-up needs of every point: logarithms of its sizes, and of measured over
/// predicted.
void prepare_points(Profile::Impl& impl);

}  // namespace moesim::topologies
