#pragma once

#include <nlohmann/json.hpp>
#include <vector>

namespace moesim::analysis {

/// How far published steps lie from predictions beyond what the costs' errors explain.
struct UnexplainedSpread {
    double unexplained = 0;      // standard deviation of ln(step) to add to the costs' own
    double inside_left_out = 0;  // share inside when each family's is taken from the other families
    int families = 0;
};

/// From rows with published, predicted, of_costs (standard deviation of ln(step)) and source; the
/// least deviation with which `level` of them lie inside. Families are sources without the
/// container they ran in. Nothing to tell (zeros) below two families.
UnexplainedSpread unexplained_spread(const std::vector<const nlohmann::ordered_json*>& rows,
                                     double level);

/// "NVIDIA ... summary, NeMo container 26.04" without the container.
std::string source_family(const nlohmann::ordered_json& row);

}  // namespace moesim::analysis
