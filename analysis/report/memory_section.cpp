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

StackedBar bar_of(const std::string& label, const MemoryPeak& peak, bool strong) {
    StackedBar out{label, {}, strong};
    for (std::size_t i = 0; i < peak.by_class.size(); ++i) {
        const std::string name{scenarios::name(static_cast<scenarios::MemoryClass>(i))};
        out.segments.push_back({"c-memory-" + name, name, peak.by_class[i]});
    }
    return out;
}

}  // namespace

std::string memory_section(const View& view) {
    const ordered_json& memory = view.result["memory"];
    const double capacity = memory["capacity_bytes"], held = memory["peak_bytes"];
    const std::vector<MemoryPeak> peaks = memory_peaks(view.run);
    const auto hottest = std::max_element(
        peaks.begin(), peaks.end(),
        [](const MemoryPeak& a, const MemoryPeak& b) { return a.bytes < b.bytes; });
    std::vector<StackedBar> bars{bar_of("hottest", *hottest, true)};
    for (const std::uint32_t c : representatives(view.run.lowered, 32))
        bars.push_back(bar_of(view.run.lowered.graph.rank_classes[c].name, peaks[c], false));
    html::Table table{{{"", kText}, {"on the hottest rank", kNumber}, {"of capacity", kNumber}}};
    std::vector<html::Key> keys;
    for (const auto& [name, value] : memory["by_class"].items()) {
        const double bytes = value;
        if (bytes <= 0) continue;
        keys.push_back({"c-memory-" + name, name});
        table.row({fmt::format("<i class=\"dot c-memory-{}\"></i>{}", name, name),
                   html::bytes(bytes), html::percent(bytes / capacity)});
    }
    table.row({"sum", html::bytes(held), html::percent(held / capacity)}, "sum");
    const std::string lead = fmt::format(
        "{} at the peak of {}, {} of {}: it {}.", html::bytes(held),
        html::escape(memory["hottest_rank"].get<std::string>()), html::percent(held / capacity),
        html::bytes(capacity),
        memory["fits"].get<bool>() ? "fits" : "<strong class=\"bad\">does not fit</strong>");
    const Axis axis{"GB", 1e9, std::max(capacity, held) * 1.02};
    return html::section(
        "memory", "Memory", lead,
        html::legend(keys) +
            html::figure(
                stacked_bars(bars, axis, "Memory at each rank's peak", Mark{capacity, "capacity"}),
                "Each rank class at its own peak.",
                bars_chart({{"", bars}}, axis, Mark{capacity, "capacity"})) +
            table.str());
}

}  // namespace moesim::analysis
