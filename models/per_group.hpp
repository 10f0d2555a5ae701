#pragma once

#include "models/routing.hpp"

namespace moesim::models {

/// `base` for a router that takes exactly `shape.per_group` experts of each group: every group then
/// gets the same number of choices, and load vectors only say how a group's are shared out in it
/// (evenly where they say nothing). `base` itself when there is no such rule, and for rows given
/// outright. Sources: arXiv:2505.21411 (grouped experts), arXiv:2105.15082 (expert prototyping).
std::unique_ptr<Routing> per_group(const RoutingShape& shape, std::unique_ptr<Routing> base);

/// A load vector with equal sums in each of `groups` runs of experts; their sum is 1.
std::vector<double> even_groups(std::vector<double> share, int groups);

}  // namespace moesim::models
