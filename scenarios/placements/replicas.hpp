#pragma once

#include <string>
#include <vector>

#include "scenarios/placement.hpp"

namespace moesim::scenarios {

/// Why replicas cannot be placed in single precision (or at all), as a sentence; empty when they
/// can.
std::string unreplicable(const PlacementInput& input);

/// Experts and their replicas in the order in which these were made.
struct Replicas {
    std::vector<int> expert;  // [slots]
    std::vector<int> rank;    // [slots] number of the replica within its expert
    std::vector<int> count;   // [experts]

    /// Load of each replica when its expert's load is shared equally. [slots]
    [[nodiscard]] std::vector<float> load(const std::vector<float>& of_expert) const;
};

/// One replica of each expert, in order; then one more for the expert with the largest load per
/// replica (equal: the first), until there are `slots`. In single precision.
/// Source: deepseek-ai/EPLB, eplb.py (replicate_experts).
Replicas replicate(const std::vector<float>& load, int slots);

}  // namespace moesim::scenarios
