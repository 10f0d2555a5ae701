#include <fmt/format.h>

#include <algorithm>

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

std::string nic_chart(const View& view) {
    const auto& graph = view.run.lowered.graph;
    const std::vector<std::uint32_t> shown = representatives(view.run.lowered, 16);
    const std::uint32_t c = shown[shown.size() / 2];
    const auto link = nic_out(view.run, c);
    if (!link) return {};
    const double top = graph.links[*link].capacity.si();
    return html::figure(
        area_chart(link_rate(graph, view.run.line, *link, kBuckets), top, view.time_axis(),
                   fmt::format("bytes leaving the NIC of {}", graph.rank_classes[c].name), "c-link",
                   html::rate(top)),
        fmt::format("Means over {:.3g} ms each; bytes are those of the expert group's mean member.",
                    view.step_time() / kBuckets * 1e3));
}

}  // namespace

std::string communication_section(const View& view) {
    const ordered_json& c = view.result["communication"];
    const std::string lead = fmt::format(
        "Some transfer is in flight during {} of a rank's step; compute is idle because of one "
        "during {}.",
        html::percent(c["share"].get<double>()), html::percent(c["exposed_share"].get<double>()));
    return html::section(
        "communication", "Communication", lead,
        kinds_table(view) + "<h3>Links</h3>\n" + links_table(view) + nic_chart(view));
}

}  // namespace moesim::analysis
