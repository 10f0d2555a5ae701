#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "analysis/load_map.hpp"

#include "analysis/report/html.hpp"
#include "analysis/report/sections.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

constexpr std::size_t kMostCells = 96, kMostColumns = 1024;

double at_share(const std::vector<double>& sorted, double share) {
    return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1) + 0.5)];
}

/// A square of values as means of blocks of so many rows and columns, which divide it.
std::vector<double> thinned(const std::vector<double>& values, std::size_t side,
                            std::size_t block) {
    const std::size_t wide = side / block;
    std::vector<double> out(wide * wide, 0.0);
    for (std::size_t i = 0; i < values.size(); ++i)
        out[i / side / block * wide + i % side / block] +=
            values[i] / static_cast<double>(block * block);
    return out;
}

std::string of_what(const LoadMap& map) {
    return fmt::format("mean of {} micro-batches of the first expert-parallel group",
                       map.micro_batches);
}

/// Who is how full in which layer.
std::string load_heat(const LoadMap& map) {
    const std::size_t ranks = map.rows.front().size();
    std::vector<double> rows;
    for (const std::vector<double>& layer : map.rows)
        rows.insert(rows.end(), layer.begin(), layer.end());
    const auto [least, most] = std::minmax_element(rows.begin(), rows.end());
    if (*most - *least <= 1e-9) return "<p>Every rank receives as many rows in every layer.</p>\n";
    if (ranks > kMostColumns) return {};
    return html::figure(
        heat_svg(rows, ranks, "rank", "MoE layer", true),
        fmt::format("Rows of each rank over the mean of the layer; {}. {:.3f} to {:.3f}.",
                    of_what(map), *least, *most),
        heat_chart(rows, ranks, "rank", "MoE layer", "of the mean", 3, true));
}

/// Who sends to whom.
std::string traffic(const LoadMap& map) {
    std::size_t block = (map.ranks + kMostCells - 1) / kMostCells;
    while (map.ranks % block != 0) ++block;  // blocks of nodes rather than across them
    const std::vector<double> copies =
        block > 1 ? thinned(map.copies, map.ranks, block) : map.copies;
    const std::size_t wide = map.ranks / block;
    const std::string unit = block > 1 ? fmt::format(" / {}", block) : "";
    std::string caption = fmt::format(
        "Token copies from rank to rank in one dispatch, relays included; {} and all layers. What "
        "stays on its rank is not sent.",
        of_what(map));
    if (block > 1) caption += fmt::format(" Each cell is the mean of {0} x {0} ranks.", block);
    return "<h3>Dispatch traffic</h3>\n" +
           html::figure(
               heat_svg(copies, wide, "to rank" + unit, "from rank" + unit, false), caption,
               heat_chart(copies, wide, "to rank" + unit, "from rank" + unit, "copies", 1, false));
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
    std::string body;
    const std::optional<LoadMap> map = load_map(view.run);
    if (map) body += load_heat(*map);
    if (load["max_over_mean_worst"].get<double>() > 1 + 1e-9)
        body += html::figure(
            spread_chart(spreads, 1, "MoE layer", "max / mean"),
            fmt::format("Fullest rank over the mean, by layer; {} exchanges. Box: 10 to 90 % of "
                        "the micro-batches, bar: median, line: all.",
                        html::count(static_cast<double>(loads.size()))));
    if (map) body += traffic(*map);
    return html::section("load", "Expert load", lead, body);
}

}  // namespace moesim::analysis
