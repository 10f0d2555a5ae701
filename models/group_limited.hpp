#pragma once

#include <cstdint>
#include <vector>

#include "models/routing.hpp"

namespace moesim::models {

/// Expected number of distinct nodes and GPUs that one token's experts are on, its own included.
struct Distinct {
    double nodes = 0;
    double gpus = 0;
};

/// Distinct destinations of a token whose scores are independent and uniform.
///
/// shape         experts, top_k, groups, group_limit, seed
/// node_of_slot  [experts]  node of each expert's slot, numbered from 0
/// gpu_of_slot   [experts]  GPU likewise
///
/// A group's score is the sum of its (top_k / group_limit) greatest scores, the group_limit best
/// groups are kept, and the token takes its top_k inside them; groups are equal runs of experts.
/// With per_group it takes exactly so many of each group. Exact (hypergeometric) then and when no
/// group is left out, else the mean over `tokens` seeded draws.
/// Source: Megatron-LM, moe_utils.py, group_limited_topk; arXiv:2412.19437, section 2.1.2.
Distinct expected_distinct(const RoutingShape& shape, const std::vector<int>& node_of_slot,
                           const std::vector<int>& gpu_of_slot, int tokens = 2000);

/// The same for uniform choice of `top_k` among experts spread evenly over `domains`:
/// D(N) = N [1 - C(E - E/N, k) / C(E, k)]. Source: DeepEP sizes its kernels so.
double uniform_distinct(int experts, int domains, int top_k);

}  // namespace moesim::models
