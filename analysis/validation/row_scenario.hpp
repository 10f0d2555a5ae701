#pragma once

#include <map>
#include <string>
#include <vector>

#include "analysis/validation/published.hpp"

namespace moesim::analysis {

/// A published run as a scenario: "key.path=value" assignments, in the order in which they are to
/// be set, and what had to be assumed for it.
struct RowScenario {
    std::vector<std::string> assignments;
    std::vector<std::string> assumed;  // "dispatcher: alltoall, Megatron-Bridge's default"
    std::string refused;               // why it is no scenario; empty when it is one
};

/// Precedence: `recipe` (columns of recipes.csv; empty map: none), then the row, then the
/// framework's defaults; routing force-balanced for benchmark tables. Columns dp and grad_accum
/// are not used: sources count them differently.
/// Throws sim::InputError for a field that is not what its column holds.
RowScenario row_scenario(const Published& row, const std::map<std::string, std::string>& recipe);

}  // namespace moesim::analysis
