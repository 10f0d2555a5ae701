#pragma once

#include "scenarios/scenario.hpp"

namespace moesim::scenarios {

/// Bytes that the mixer of a layer keeps for its backward pass, for T tokens of a rank; lin: bytes
/// per element that a linear keeps of its input. The layer's input and norm are not in it.
///   softmax   MLA: latents T (q + c + r) lin, up-projected q, k, v unless recomputed; else q, k, v
///             in BF16; output lin T a v and statistics 4 T a
///   others    outputs of the projections and of the convolution in BF16, output lin T a v; states
///             are built again
/// Repeated blocks and cross attention (its keys and values as many as the tokens) are summed.
double mixer_bytes(const Scenario& s, const models::Layer& layer, double tokens);

}  // namespace moesim::scenarios
