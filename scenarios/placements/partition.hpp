#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "scenarios/placements/swaps.hpp"

namespace moesim::scenarios {

/// Part of each item when a graph is cut into parts of equal size, heavy edges inside. [items]
///
///   ties  [items][items] edge weights, symmetric; the diagonal is not looked at
/// items must be a multiple of parts. The same arguments give the same parts.
///
/// Source: METIS 5.1 (G. Karypis, V. Kumar, SIAM J. Sci. Comput. 20 (1998)), multilevel recursive
/// bisection of the graph of each item's 32 heaviest edges. Its parts are equal to within its
/// tolerance only: what is too much moves where it loses least.
std::vector<int> partition(const Ties& ties, int parts, std::uint64_t seed);

/// The same in two levels, first into nodes, then each node into its GPUs; then trades until no GPU
/// is loaded beyond the bound of balanced_layout(). Nothing when trades do not get there.
std::optional<Layout> partitioned_layout(const Ties& ties, const std::vector<double>& load,
                                         const Apart& apart, double tolerance, std::uint64_t seed);

}  // namespace moesim::scenarios
