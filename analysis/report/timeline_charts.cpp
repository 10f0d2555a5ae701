#include <algorithm>
#include <cmath>

#include "analysis/report/timeline_svg.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

constexpr std::size_t kMostTasks = 45'000;  // in the page: about a megabyte
constexpr double kTick = 1e-8;              // seconds

ordered_json frame(const char* kind, const Axis& axis) {
    return {{"kind", kind}, {"end", axis.end}, {"unit", axis.unit}, {"title", axis.title}};
}

/// What stands before the point, and six figures behind it: enough to zoom to a microsecond.
double rounded(double seconds) { return std::round(seconds * 1e7) / 1e7; }

std::vector<sim::StreamId> streams_of(const sim::TaskGraph& graph, std::uint32_t rank_class) {
    std::vector<sim::StreamId> out;
    for (sim::StreamId s = 0; s < graph.streams.size(); ++s)
        if (graph.streams[s].rank_class == rank_class && !graph.stream_tasks[s].empty())
            out.push_back(s);
    return out;
}

ordered_json stream_row(const Simulated& run, sim::StreamId stream, double from, double until) {
    const sim::TaskGraph& graph = run.lowered.graph;
    ordered_json tasks = ordered_json::array();
    long long at = 0;
    for (const TaskSpan& span : task_spans(graph, run.line, stream, 0, from, until)) {
        const sim::Label& label = graph.tasks[span.task].label;
        const long long begin = std::max(at, std::llround(span.begin / kTick));
        const long long end = std::max(begin, std::llround(span.end / kTick));
        tasks.push_back(begin - at);
        tasks.push_back(end - begin);
        tasks.push_back(label.op);
        tasks.push_back(label.layer);
        tasks.push_back(label.micro_batch);
        at = end;
    }
    return {{"name", stream_title(graph, stream)}, {"tasks", tasks}};
}

}  // namespace

ordered_json schedule_chart(const Simulated& run, const std::vector<std::uint32_t>& rank_classes,
                            const Axis& axis) {
    const sim::TaskGraph& graph = run.lowered.graph;
    ordered_json out = frame("schedule", axis);
    for (int k = 0; k <= static_cast<int>(sim::UnitKind::optimizer); ++k) {
        const std::string_view name = unit_kind_name(static_cast<sim::UnitKind>(k));
        out["kinds"].push_back({{"cls", colour_class(name)}, {"label", name}});
    }
    for (const std::uint32_t c : rank_classes) {
        ordered_json spans = ordered_json::array();
        for (const UnitSpan& span : unit_spans(graph, run.line, c, 0)) {
            const sim::Unit& unit = graph.units[span.unit];
            spans.push_back(rounded(span.begin));
            spans.push_back(rounded(span.end));
            spans.push_back(static_cast<int>(unit.kind));
            spans.push_back(unit.micro_batch);
        }
        out["rows"].push_back({{"name", graph.rank_classes[c].name}, {"spans", spans}});
    }
    return out;
}

StreamsChart streams_chart(const Simulated& run, const std::vector<std::uint32_t>& rank_classes,
                           std::size_t start, double from, double until, const Axis& axis) {
    const sim::TaskGraph& graph = run.lowered.graph;
    StreamsChart out{frame("streams", axis), {}};
    std::size_t tasks = 0;
    for (const std::uint32_t c : rank_classes)
        for (const sim::StreamId s : streams_of(graph, c)) tasks += graph.stream_tasks[s].size();
    double first = -1, last = INFINITY;
    if (tasks > kMostTasks) {
        const double half = std::max(
            run.line.makespan / 2 * kMostTasks / static_cast<double>(tasks), (until - from) / 2);
        first = std::max(0.0, (from + until) / 2 - half);
        last = std::min(run.line.makespan, first + 2 * half);
        out.cut = UnitSpan{0, first, last};
    }
    out.chart["tick"] = kTick;
    out.chart["start"] = start;
    out.chart["view"] = {from, until};
    std::vector<std::string> classes(graph.ops.size(), "idle");
    for (const sim::TaskGraph::Task& task : graph.tasks)
        if (classes[task.label.op] == "idle") classes[task.label.op] = task_class(run, task.label);
    out.chart["ops"] = ordered_json::array();
    for (std::size_t op = 0; op < graph.ops.size(); ++op)
        out.chart["ops"].push_back({{"name", graph.ops[op]}, {"cls", classes[op]}});
    for (const std::uint32_t c : rank_classes) {
        ordered_json rows = ordered_json::array();
        for (const sim::StreamId s : streams_of(graph, c))
            rows.push_back(stream_row(run, s, first, last));
        out.chart["ranks"].push_back({{"name", graph.rank_classes[c].name}, {"rows", rows}});
    }
    return out;
}

}  // namespace moesim::analysis
