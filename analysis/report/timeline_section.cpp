#include <fmt/format.h>

#include <algorithm>
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
    std::string out = html::escape(graph.rank_classes[rank_class].name) + ": " +
                      std::string{unit_kind_name(graph.units[unit.unit].kind)};
    const char* join = micro_batches.size() > 1 ? ", micro-batches " : ", micro-batch ";
    for (const int m : micro_batches) {
        out += fmt::format("{}{}", join, m);
        join = " and ";
    }
    return fmt::format("{}, {} from {}.", out, html::seconds(unit.end - unit.begin),
                       html::seconds(unit.begin));
}

/// The same on a screen, where the reader moves: ranks at both ends of the pipeline and the middle.
std::string streams(const View& view, const std::vector<std::uint32_t>& shown, std::uint32_t middle,
                    const std::vector<UnitSpan>& steady, const std::string& drawings) {
    std::vector<std::uint32_t> few{shown.front()};
    for (const std::uint32_t c : {middle, shown.back()})
        if (few.back() != c) few.push_back(c);
    const auto start =
        static_cast<std::size_t>(std::find(few.begin(), few.end(), middle) - few.begin());
    const StreamsChart streams = streams_chart(view.run, few, start, steady.front().begin,
                                               steady.front().end, view.time_axis());
    std::string words =
        "A row per stream, a box per task with its op, layer (L) and micro-batch (m).";
    if (streams.cut)
        words += fmt::format(" This page holds the tasks from {} to {}; timeline.json.gz has more.",
                             html::seconds(streams.cut->begin), html::seconds(streams.cut->end));
    return html::figure(drawings, words, streams.chart);
}

}  // namespace

std::string timeline_section(const View& view) {
    const std::vector<std::uint32_t> shown = representatives(view.run.lowered, 16);
    std::string body =
        html::legend(unit_keys(view.run, shown)) +
        html::figure(step_svg(view.run, shown, view.time_axis()),
                     "The whole step, member 0 of one rank class per pipeline rank. "
                     "Empty: no unit runs. On a screen: drag to move, Ctrl and wheel "
                     "or the bar below to zoom; numbers are micro-batches.",
                     schedule_chart(view.run, shown, view.time_axis()));
    const std::uint32_t middle = shown[shown.size() / 2];
    const std::vector<UnitSpan> steady = steady_units(view.run, middle, 2);
    if (!steady.empty()) {
        body += "<h3>Streams in a steady unit</h3>\n";
        body += html::legend(task_keys(view.run, middle, steady));
        std::string drawings;
        for (const UnitSpan& unit : steady)
            drawings += zoom_svg(view.run, middle, unit) + "<p class=\"under\">" +
                        caption(view, middle, unit) + "</p>";
        body += streams(view, shown, middle, steady, drawings);
    }
    return html::section(
        "timeline", "Timeline",
        "What each rank does when. All streams are in timeline.json.gz, which opens "
        "in Perfetto.",
        body);
}

}  // namespace moesim::analysis
