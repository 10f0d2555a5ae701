#include "analysis/report/spans.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace moesim::analysis {

using sim::StreamId;
using sim::TaskGraph;
using sim::TaskId;

std::vector<TaskSpan> task_spans(const TaskGraph& graph, const sim::Timeline& line, StreamId stream,
                                 std::uint32_t member, double from, double until) {
    std::vector<TaskSpan> out;
    for (const TaskId id : graph.stream_tasks[stream]) {
        // All participants of a transfer start and end together.
        const std::uint32_t p = line.first[id] + (graph.tasks[id].transfer ? 0 : member);
        if (line.end[p] > from && line.start[p] < until)
            out.push_back({id, line.start[p], line.end[p]});
    }
    return out;
}

namespace {
bool earlier(const UnitSpan& a, const UnitSpan& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.unit < b.unit;
}
}  // namespace

std::vector<UnitSpan> unit_spans(const TaskGraph& graph, const sim::Timeline& line,
                                 std::uint32_t rank_class, std::uint32_t member) {
    std::map<std::uint32_t, UnitSpan> by_unit;
    std::vector<UnitSpan> optimizer;
    for (StreamId s = 0; s < graph.streams.size(); ++s) {
        if (graph.streams[s].rank_class != rank_class) continue;
        for (const TaskSpan& t : task_spans(graph, line, s, member, -1, INFINITY)) {
            const sim::Label& label = graph.tasks[t.task].label;
            if (label.unit == sim::kNone || label.kind == sim::Kind::pp) continue;
            if (graph.units[label.unit].kind == sim::UnitKind::optimizer) {
                optimizer.push_back({label.unit, t.begin, t.end});
                continue;
            }
            const auto [at, fresh] =
                by_unit.try_emplace(label.unit, UnitSpan{label.unit, t.begin, t.end});
            if (fresh) continue;
            // A unit begins with compute; its transfers may only prolong it.
            if (graph.streams[s].compute) at->second.begin = std::min(at->second.begin, t.begin);
            at->second.end = std::max(at->second.end, t.end);
        }
    }
    std::vector<UnitSpan> out;
    for (const auto& [unit, span] : by_unit) out.push_back(span);
    // Ranks wait for each other between its parts: only where it runs is it a unit.
    std::sort(optimizer.begin(), optimizer.end(), earlier);
    for (const UnitSpan& span : optimizer) {
        const bool joins = &span != &optimizer.front() && span.begin <= out.back().end + 1e-9;
        if (joins)
            out.back().end = std::max(out.back().end, span.end);
        else
            out.push_back(span);
    }
    std::sort(out.begin(), out.end(), earlier);
    for (std::size_t i = 0; i + 1 < out.size(); ++i)
        out[i].end = std::min(out[i].end, out[i + 1].begin);
    return out;
}

std::string_view unit_kind_name(sim::UnitKind kind) {
    switch (kind) {
        case sim::UnitKind::forward:
            return "forward";
        case sim::UnitKind::input_gradient:
            return "input gradient";
        case sim::UnitKind::weight_gradient:
            return "weight gradient";
        case sim::UnitKind::backward:
            return "backward";
        case sim::UnitKind::pair:
            return "pair";
        case sim::UnitKind::optimizer:
            break;
    }
    return "optimizer";
}

std::string unit_name(const sim::Unit& unit) {
    if (unit.kind == sim::UnitKind::optimizer || unit.micro_batch < 0)
        return std::string{unit_kind_name(unit.kind)};
    return fmt::format("{} {}", unit_kind_name(unit.kind), unit.micro_batch);
}

std::string stream_title(const TaskGraph& graph, StreamId stream) {
    const std::string& name = graph.streams[stream].name;
    if (graph.stream_tasks[stream].empty()) return name;
    const TaskGraph::Task& first = graph.tasks[graph.stream_tasks[stream].front()];
    const auto both = graph.streams_of(first);
    if (first.label.kind != sim::Kind::pp || both.size() != 2) return name;
    const bool sends = both.front() == stream;
    const StreamId peer = sends ? both.back() : both.front();
    return fmt::format("{} {} {}", name, sends ? "to" : "from",
                       graph.rank_classes[graph.streams[peer].rank_class].name);
}

std::vector<std::uint32_t> representatives(const scenarios::Lowered& lowered, std::size_t most) {
    std::map<int, std::uint32_t> first;
    for (std::uint32_t c = 0; c < lowered.pipeline_rank.size(); ++c)
        first.try_emplace(lowered.pipeline_rank[c], c);
    std::vector<std::uint32_t> all, out;
    for (const auto& [rank, c] : first) all.push_back(c);
    if (all.size() <= most || most < 2) return all;
    for (std::size_t i = 0; i < most; ++i) out.push_back(all[i * (all.size() - 1) / (most - 1)]);
    return out;
}

std::vector<double> link_rate(const TaskGraph& graph, const sim::Timeline& line, sim::LinkId link,
                              std::size_t buckets) {
    std::vector<double> out(buckets, 0.0);
    const double width = line.makespan / static_cast<double>(buckets);
    if (!(width > 0)) return out;
    std::vector<bool> crosses(graph.paths.size());
    for (std::size_t p = 0; p < graph.paths.size(); ++p)
        crosses[p] =
            std::find(graph.paths[p].begin(), graph.paths[p].end(), link) != graph.paths[p].end();
    for (TaskId id = 0; id < graph.tasks.size(); ++id) {
        double bytes = 0;
        for (const sim::Demand& d : graph.demands_of(graph.tasks[id]))
            if (crosses[d.path]) bytes += d.bytes;
        if (bytes == 0) continue;
        const double end = line.end[line.first[id]];
        const double begin = std::min(end, line.start[line.first[id]] + graph.tasks[id].latency);
        const double rate = bytes / std::max(end - begin, 1e-12);
        const auto bucket = [&](double t) {
            return std::min(buckets - 1, static_cast<std::size_t>(std::max(0.0, t / width)));
        };
        for (std::size_t b = bucket(begin); b <= bucket(end); ++b) {
            const double left = static_cast<double>(b) * width;
            const double inside = std::min(end, left + width) - std::max(begin, left);
            if (inside > 0) out[b] += rate * inside / width;
        }
    }
    return out;
}

}  // namespace moesim::analysis
