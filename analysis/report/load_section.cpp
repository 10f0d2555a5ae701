#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "analysis/report/html.hpp"
#include "analysis/report/sections.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

double at_share(const std::vector<double>& sorted, double share) {
    return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5)];
}

}  // namespace

std::string load_section(const View& view) {
    const std::vector<scenarios::LoadSample>& loads = view.run.lowered.loads;
    std::map<int, std::vector<double>> by_layer;
    for (const scenarios::LoadSample& l : loads) by_layer[l.moe_layer].push_back(l.rows);
    if (by_layer.empty()) return {};
    std::vector<Spread> spreads;
    for (auto& [layer, values] : by_layer) {
        std::sort(values.begin(), values.end());
        spreads.push_back({std::to_string(layer), values.front(), at_share(values, 0.1),
                           at_share(values, 0.5), at_share(values, 0.9), values.back()});
    }
    const ordered_json& load = view.result["load"];
    const std::string lead = fmt::format(
        "Rows of the fullest rank of an expert-parallel group over the mean: {:.3f} on average, "
        "{:.3f} at worst; {} of the choices dropped. 1 is perfect balance.",
        load["max_over_mean_mean"].get<double>(), load["max_over_mean_worst"].get<double>(),
        html::percent(load["dropped_share"].get<double>()));
    return html::section(
        "load", "Expert load", lead,
        html::figure(spread_chart(spreads, 1, "MoE layer", "max / mean"),
                     fmt::format("{} exchanges. Box: 10 to 90 % of the micro-batches, bar: median, "
                                 "line: all.",
                                 html::count(static_cast<double>(loads.size())))));
}

}  // namespace moesim::analysis
