#include <fmt/format.h>

#include <set>

#include "analysis/report/html.hpp"
#include "analysis/report/sections.hpp"
#include "analysis/report/timeline_svg.hpp"

namespace moesim::analysis {

namespace {

/// "pair, micro-batches 36 and 95, 127.8 ms from 8.853 s".
std::string caption(const View& view, std::uint32_t rank_class, const UnitSpan& unit) {
    const auto& graph = view.run.lowered.graph;
    std::set<int> micro_batches;
    for (sim::StreamId s = 0; s < graph.streams.size(); ++s)
        if (graph.streams[s].rank_class == rank_class && graph.streams[s].compute)
            for (const TaskSpan& t : task_spans(graph, view.run.line, s, 0, unit.begin, unit.end))
                if (graph.tasks[t.task].label.unit == unit.unit)
                    micro_batches.insert(graph.tasks[t.task].label.micro_batch);
    std::string out{unit_kind_name(graph.units[unit.unit].kind)};
    const char* join = micro_batches.size() > 1 ? ", micro-batches " : ", micro-batch ";
    for (const int m : micro_batches) {
        out += fmt::format("{}{}", join, m);
        join = " and ";
    }
    return fmt::format("{}, {} from {}. Each box has its figures as a tooltip.", out,
                       html::seconds(unit.end - unit.begin), html::seconds(unit.begin));
}

}  // namespace

std::string timeline_section(const View& view) {
    const std::vector<std::uint32_t> shown = representatives(view.run.lowered, 16);
    std::string body = html::legend(unit_keys(view.run, shown)) +
                       html::figure(step_svg(view.run, shown, view.time_axis()),
                                    "The whole step, member 0 of one rank class per pipeline rank. "
                                    "Grey: no unit runs.");
    const std::uint32_t middle = shown[shown.size() / 2];
    const std::vector<UnitSpan> steady = steady_units(view.run, middle, 2);
    if (!steady.empty()) {
        body += fmt::format("<h3>Inside {} of {}</h3>\n",
                            steady.size() > 1 ? "two steady units" : "one unit",
                            html::escape(view.run.lowered.graph.rank_classes[middle].name));
        body += html::legend(task_keys(view.run, middle, steady));
        for (const UnitSpan& unit : steady)
            body += html::figure(zoom_svg(view.run, middle, unit), caption(view, middle, unit));
    }
    return html::section(
        "timeline", "Timeline",
        "What each rank does when. All streams are in timeline.json.gz, which opens "
        "in Perfetto.",
        body);
}

}  // namespace moesim::analysis
