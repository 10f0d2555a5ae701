#pragma once

#include <cstdint>
#include <vector>

#include "models/random.hpp"

namespace moesim::models {

/// One draw from the standard normal distribution. Source: Box and Muller, 1958 (cosine half).
double gauss(Random& random);

/// The logarithm of a draw from Gamma(shape, 1), finite for every shape > 0.
/// Source: G. Marsaglia, W. W. Tsang, ACM TOMS 26 (2000), 363, section 2; below shape 1 their
/// section 6, in logarithms because U^(1/shape) underflows for small shapes.
double log_gamma_draw(Random& random, double shape);

/// Shares from a symmetric Dirichlet distribution. [size], sums to 1
std::vector<double> dirichlet_draw(Random& random, int size, double concentration);

/// Shares of which none exceeds `most`, the excess given to the others in proportion: a token names
/// an expert once, so no expert has more than 1 / top_k of the choices. `most` x size >= 1.
std::vector<double> capped(std::vector<double> share, double most);

/// Load vectors that every layer deals to its experts anew: share e of the input becomes that of
/// expert to[e], `to` a permutation of its own per (seed, layer), the same for all vectors given.
std::vector<std::vector<double>> dealt(const std::vector<std::vector<double>>& vectors,
                                       std::uint64_t seed, int layer);

}  // namespace moesim::models
