#include "analysis/validation/spread.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "analysis/uncertainty.hpp"
#include "analysis/validation/statistics.hpp"

namespace moesim::analysis {
namespace {

struct Deviation {
    double off;       // |ln(published / predicted)|
    double of_costs;  // standard deviation

    /// Squared deviation still missing for this row to lie inside.
    [[nodiscard]] double missing2() const {
        const double needed = off / kDeviations;
        return std::max(0.0, needed * needed - of_costs * of_costs);
    }
};

double enough_for(const std::vector<Deviation>& rows, double level) {
    std::vector<double> missing2;
    for (const Deviation& row : rows) missing2.push_back(row.missing2());
    return std::sqrt(quantile(missing2, level));
}

}  // namespace

std::string source_family(const nlohmann::ordered_json& row) {
    const std::string source = row["source"];
    return source.substr(0, source.find(", NeMo container"));
}

UnexplainedSpread unexplained_spread(const std::vector<const nlohmann::ordered_json*>& rows,
                                     double level) {
    std::map<std::string, std::vector<Deviation>> families;
    for (const nlohmann::ordered_json* row : rows)
        families[source_family(*row)].push_back(
            {std::abs(
                 std::log((*row)["published"].get<double>() / (*row)["predicted"].get<double>())),
             (*row)["of_costs"].get<double>()});
    UnexplainedSpread out;
    out.families = static_cast<int>(families.size());
    if (families.size() < 2) return out;
    std::vector<Deviation> all;
    double inside = 0;
    for (const auto& [name, members] : families) {
        std::vector<Deviation> others;
        for (const auto& [other, theirs] : families)
            if (other != name) others.insert(others.end(), theirs.begin(), theirs.end());
        const double spread = enough_for(others, level);
        for (const Deviation& row : members)
            inside += row.off <= kDeviations * std::hypot(row.of_costs, spread) ? 1 : 0;
        all.insert(all.end(), members.begin(), members.end());
    }
    out.unexplained = enough_for(all, level);
    out.inside_left_out = inside / static_cast<double>(all.size());
    return out;
}

}  // namespace moesim::analysis
