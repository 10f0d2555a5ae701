#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/report/html.hpp"
#include "analysis/report/ports.hpp"
#include "analysis/report/sections.hpp"
#include "analysis/report/spans.hpp"

namespace moesim::analysis {

using html::kNumber;
using html::kText;
using nlohmann::ordered_json;

namespace {

constexpr std::size_t kBuckets = 560;

std::string_view carried(std::string_view kind) {
    return kind == "ep"   ? "dispatch and combine of expert rows"
           : kind == "tp" ? "tensor-parallel gathers and scatters"
           : kind == "cp" ? "context-parallel exchanges"
           : kind == "pp" ? "activations and gradients between stages"
                          : "gradient reduction and parameter gather";
}

std::string kinds_table(const View& view) {
    html::Table table{{{"", kText},
                       {"", kText},
                       {"sent, all ranks", kNumber},
                       {"busy, " + view.time_unit(), kNumber},
                       {"of the step", kNumber},
                       {"", kText},
                       {"exposed, " + view.time_unit(), kNumber},
                       {"of busy", kNumber}}};
    for (const auto& [kind, c] : view.result["communication"]["by_kind"].items()) {
        const double busy = c["busy_s"], exposed = c["exposed_s"];
        if (busy <= 0) continue;
        table.row({fmt::format("<i class=\"dot c-{}\"></i>{}", kind, kind),
                   std::string{carried(kind)}, html::bytes(c["bytes"].get<double>()),
                   view.time_text(busy), html::percent(busy / view.step_time()),
                   html::bar(busy / view.step_time(), "c-" + kind), view.time_text(exposed),
                   html::percent(exposed / busy)});
    }
    return table.str();
}

std::string links_table(const View& view) {
    html::Table table{{{"link class", kText},
                       {"capacity, one way", kNumber},
                       {"mean use", kNumber},
                       {"", kText},
                       {"busiest", kNumber}}};
    for (const ordered_json& l : view.result["links"])
        table.row({html::escape(l["class"].get<std::string>()),
                   html::rate(l["capacity_bytes_per_s"].get<double>()),
                   html::percent(l["utilisation_mean"].get<double>()),
                   html::bar(l["utilisation_mean"].get<double>(), "c-link"),
                   html::percent(l["utilisation_max"].get<double>())});
    return table.str();
}

/// Seconds of each kind in flight, as far as compute hides them and as far as it waits.
std::string kinds_chart(const View& view) {
    std::vector<StackedBar> bars;
    double longest = 0;
    for (const auto& [kind, c] : view.result["communication"]["by_kind"].items()) {
        const double busy = c["busy_s"], exposed = std::min(busy, c["exposed_s"].get<double>());
        if (busy <= 0) continue;
        bars.push_back({kind,
                        {{"c-compute", "beside compute or other waits", busy - exposed},
                         {"c-exposed-ep", "exposed", exposed}},
                        true});
        longest = std::max(longest, busy);
    }
    if (bars.empty()) return {};
    Axis axis = view.time_axis();
    axis.end = longest * 1.02;
    return html::legend({{"c-compute", "in flight beside compute or other waits"},
                         {"c-exposed-ep", "exposed"}}) +
           html::figure(stacked_bars(bars, axis, "Seconds in flight by kind"),
                        "Mean over ranks. ep: experts, tp: tensor, cp: context, pp: pipeline, dp: "
                        "data parallel.",
                        bars_chart({{"", bars}}, axis));
}

std::string links_chart(const View& view) {
    std::vector<StackedBar> bars;
    for (const ordered_json& l : view.result["links"]) {
        const double mean = l["utilisation_mean"], most = l["utilisation_max"];
        bars.push_back({l["class"].get<std::string>(),
                        {{"c-link", "mean over links", mean},
                         {"c-roofline", "more on the busiest", std::max(0.0, most - mean)}},
                        false});
    }
    if (bars.empty()) return {};
    const Axis axis{"% of capacity, mean over the step", 0.01, 1};
    return html::legend({{"c-link", "mean over links"}, {"c-roofline", "more on the busiest"}}) +
           html::figure(stacked_bars(bars, axis, "Utilisation by class of link"), "",
                        bars_chart({{"", bars}}, axis));
}

/// What leaves a GPU over its two ports, over the step.
std::string port_charts(const View& view) {
    const auto& graph = view.run.lowered.graph;
    const std::vector<std::uint32_t> shown = representatives(view.run.lowered, 16);
    const std::uint32_t c = shown[shown.size() / 2];
    const Axis axis = view.time_axis();
    ordered_json chart{
        {"kind", "areas"}, {"end", axis.end}, {"unit", axis.unit}, {"title", axis.title}};
    std::string drawings;
    std::vector<html::Key> keys;
    const auto add = [&](const char* port, const char* cls, std::optional<sim::LinkId> link) {
        if (!link) return;
        const double top = graph.links[*link].capacity.si();
        const std::vector<double> rates = link_rate(graph, view.run.line, *link, kBuckets);
        drawings += area_chart(
            rates, top, axis,
            fmt::format("bytes leaving the {} port of {}", port, graph.rank_classes[c].name), cls,
            html::rate(top));
        ordered_json values = ordered_json::array();
        for (const double v : rates) values.push_back(std::llround(v));
        chart["series"].push_back({{"name", fmt::format("{} out", port)},
                                   {"cls", cls},
                                   {"capacity", top},
                                   {"values", values}});
        keys.push_back({cls, fmt::format("{}, {}", port, html::rate(top))});
    };
    add("NIC", "c-link", nic_out(view.run, c));
    add("NVLink", "c-optimizer", nvlink_out(view.run, c));
    if (drawings.empty()) return {};
    return fmt::format("<h3>Ports of {} over the step</h3>\n",
                       html::escape(graph.rank_classes[c].name)) +
           html::legend(keys) +
           html::figure(drawings,
                        fmt::format("Means over {:.3g} ms each; bytes are those of the expert "
                                    "group's mean member.",
                                    view.step_time() / kBuckets * 1e3),
                        chart);
}

}  // namespace

std::string communication_section(const View& view) {
    const ordered_json& c = view.result["communication"];
    const std::string lead = fmt::format(
        "Some transfer is in flight during {} of a rank's step; compute is idle because of one "
        "during {}.",
        html::percent(c["share"].get<double>()), html::percent(c["exposed_share"].get<double>()));
    return html::section("communication", "Communication", lead,
                         kinds_chart(view) + kinds_table(view) + "<h3>Links</h3>\n" +
                             links_chart(view) + links_table(view) + port_charts(view));
}

}  // namespace moesim::analysis
