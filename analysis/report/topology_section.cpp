#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "analysis/report/charts.hpp"
#include "analysis/report/html.hpp"
#include "analysis/report/sections.hpp"
#include "analysis/report/svg.hpp"
#include "analysis/report/tiers.hpp"

namespace moesim::analysis {

using html::kNumber;
using html::kText;
using nlohmann::ordered_json;

namespace {

constexpr double kBoxWidth = 118, kBoxHeight = 46, kTop = 58, kLine = 13, kSize = 11;

std::string plain(std::string text) {  // SVG text has no use for narrow blanks
    for (std::size_t at = 0; (at = text.find("\u00a0", at)) != std::string::npos;)
        text.replace(at, 2, " ");
    return text;
}

std::vector<std::string> edge_words(const TierEdge& e) {
    return {fmt::format("{} x {}", plain(html::count(e.cables)), e.cls),
            plain(html::rate(e.capacity_bytes_per_s)), plain(html::seconds(e.latency_s))};
}

}  // namespace

std::string tiers_svg(const Tiers& t, int gpus_per_node) {
    const auto n = static_cast<double>(t.tiers.size());
    const double room = n > 1 ? std::min(150.0, (kChartWidth - 20 - n * kBoxWidth) / (n - 1)) : 0;
    const auto left = [&](std::size_t i) {
        return 10 + static_cast<double>(i) * (kBoxWidth + room);
    };
    double below = 0;  // lines under the row: what joins no neighbours
    for (const TierEdge& e : t.edges) below += e.to != e.from + 1 ? 1 : 0;
    const double bottom = kTop + kBoxHeight;
    Svg svg{kChartWidth, bottom + 16 + kLine * below, "The cluster"};
    double under = bottom + 18;
    std::map<std::size_t, int> drawn;  // edges between the same two boxes stand above each other
    for (const TierEdge& e : t.edges) {
        const std::vector<std::string> words = edge_words(e);
        if (e.to != e.from + 1) {
            svg.text(left(e.from), under,
                     fmt::format("{} to {}: {}, {} each way, {}", t.tiers[e.from].name,
                                 t.tiers[e.to].name, words[0], words[1], words[2]),
                     "tick");
            under += kLine;
            continue;
        }
        const double y = kTop + kBoxHeight / 2, middle = left(e.to) - room / 2;
        svg.line(left(e.from) + kBoxWidth, y, left(e.to), y, "wire");
        const int level = drawn[e.from]++;
        if (level == 0)
            for (std::size_t i = 0; i < words.size(); ++i)
                svg.text(middle, y - 8 - kLine * static_cast<double>(words.size() - 1 - i),
                         fitted(words[i], room, kSize), i == 0 ? "name" : "tick", "middle");
        else
            svg.text(middle, y + kLine * level + 2,
                     fitted(fmt::format("{}, {}", words[0], words[1]), room, kSize), "tick",
                     "middle");
    }
    for (std::size_t i = 0; i < t.tiers.size(); ++i) {
        svg.rect(left(i), kTop, kBoxWidth, kBoxHeight,
                 t.tiers[i].name == "GPU" ? "tier strong-tier" : "tier");
        svg.text(left(i) + kBoxWidth / 2, kTop + 20, fitted(t.tiers[i].name, kBoxWidth - 6, 12),
                 "strong", "middle");
        std::string count = plain(html::count(t.tiers[i].count));
        if (t.tiers[i].name == "GPU" && gpus_per_node > 1 && gpus_per_node < t.tiers[i].count)
            count += fmt::format(", {} a node", gpus_per_node);
        svg.text(left(i) + kBoxWidth / 2, kTop + 36, fitted(count, kBoxWidth - 4, kSize), "tick",
                 "middle");
    }
    return svg.str();
}

std::string topology_section(const View& view) {
    const topologies::Cluster& cluster = view.run.scenario.cluster;
    const Tiers tiers = tiers_of(cluster);
    const auto& device = cluster.device();
    html::Table table{{{"link class", kText},
                       {"between", kText},
                       {"cables", kNumber},
                       {"one cable, one way", kNumber},
                       {"latency", kNumber}}};
    for (const TierEdge& e : tiers.edges)
        table.row({html::escape(e.cls),
                   html::escape(tiers.tiers[e.from].name + " and " + tiers.tiers[e.to].name),
                   html::count(e.cables), html::rate(e.capacity_bytes_per_s),
                   html::seconds(e.latency_s)});
    return html::section(
        "topology", "Topology",
        fmt::format("{} of the {} GPUs of {}: {} of {}, {} each, {} of memory.",
                    html::count(view.run.scenario.gpus), html::count(cluster.gpus()),
                    html::escape(cluster.name()),
                    cluster.nodes() == 1 ? "1 node" : html::count(cluster.nodes()) + " nodes",
                    html::count(cluster.gpus_per_node()), html::escape(device.name),
                    html::bytes(device.memory.si())),
        html::figure(tiers_svg(tiers, cluster.gpus_per_node()),
                     "Equal things as one; a node is a scale-up domain. Where cables of a class "
                     "differ: the least rate and latency.") +
            table.str());
}

}  // namespace moesim::analysis
