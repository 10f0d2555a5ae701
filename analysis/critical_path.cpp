#include "analysis/critical_path.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace moesim::analysis {

using nlohmann::ordered_json;
using sim::StreamId;
using sim::TaskGraph;
using sim::TaskId;

std::string_view name(PathKind kind) {
    static constexpr std::string_view names[] = {"compute", "optimizer", "ep", "tp",
                                                 "cp",      "pp",        "dp", "host"};
    return names[static_cast<std::size_t>(kind)];
}

namespace {

/// One member of one stream of a task.
struct Place {
    TaskId task = sim::kNone;
    StreamId stream = 0;
    std::uint32_t member = 0;
};

class Walk {
public:
    Walk(const TaskGraph& graph, const sim::Timeline& line) : graph_{graph}, line_{line} {}

    std::vector<PathStep> back() {
        Place at = last();
        while (at.task != sim::kNone) {
            const TaskGraph::Task& task = graph_.tasks[at.task];
            if (task.transfer) {
                at = latest(at.task);
                const std::uint32_t p = participant(at);
                add(at, kind_of(task), line_.start[p], line_.end[p]);
            } else {
                const std::uint32_t p = participant(at);
                const std::vector<double>& seconds = graph_.values[task.values];
                const double worked = seconds[seconds.size() == 1 ? 0 : at.member];
                const double begun = std::max(line_.start[p], line_.end[p] - worked);
                add(at, kind_of(task), begun, line_.end[p]);
                add(at, PathKind::host, line_.ready[p], begun);
            }
            at = cause(at);
        }
        return std::move(out_);
    }

private:
    [[nodiscard]] static PathKind kind_of(const TaskGraph::Task& task) {
        return static_cast<PathKind>(task.label.kind);  // the same order, host behind
    }

    void add(const Place& at, PathKind kind, double begin, double end) {
        if (end > begin)
            out_.push_back({at.task, graph_.streams[at.stream].rank_class, kind, begin, end});
    }

    [[nodiscard]] std::uint32_t participant(const Place& at) const {
        std::uint32_t p = line_.first[at.task];
        for (const StreamId s : graph_.streams_of(graph_.tasks[at.task])) {
            if (s == at.stream) return p + at.member;
            p += graph_.streams[s].width;
        }
        return p;
    }

    /// The participant of a task for whom `times` is latest.
    [[nodiscard]] Place latest(TaskId id, const std::vector<double>& times) const {
        Place out;
        double most = -1;
        std::uint32_t p = line_.first[id];
        for (const StreamId s : graph_.streams_of(graph_.tasks[id]))
            for (std::uint32_t m = 0; m < graph_.streams[s].width; ++m, ++p)
                if (times[p] > most) most = times[p], out = {id, s, m};
        return out;
    }
    [[nodiscard]] Place latest(TaskId id) const { return latest(id, line_.ready); }

    [[nodiscard]] Place last() const {
        Place out;
        double most = -1;
        for (TaskId id = 0; id < graph_.tasks.size(); ++id) {
            const Place at = latest(id, line_.end);
            if (at.task != sim::kNone && line_.end[participant(at)] > most)
                most = line_.end[participant(at)], out = at;
        }
        return out;
    }

    /// What made `at` ready: of the task before it on its stream and its dependencies, the one that
    /// ended last. None at the begin of the run.
    [[nodiscard]] Place cause(const Place& at) const {
        Place out;
        double most = -1;
        const auto consider = [&](const Place& before) {
            const double end = line_.end[participant(before)];
            if (end > most) most = end, out = before;
        };
        const std::vector<TaskId>& order = graph_.stream_tasks[at.stream];
        const auto here = std::lower_bound(order.begin(), order.end(), at.task);
        if (here != order.begin()) consider({*(here - 1), at.stream, at.member});
        const std::uint32_t width = graph_.streams[at.stream].width;
        for (const TaskId before : graph_.after_of(graph_.tasks[at.task])) {
            const TaskGraph::Task& other = graph_.tasks[before];
            const StreamId stream = graph_.streams_of(other).front();
            if (!other.transfer && graph_.streams[stream].width == width)
                consider({before, stream, at.member});
            else
                consider(latest(before, line_.end));
        }
        return out;
    }

    const TaskGraph& graph_;
    const sim::Timeline& line_;
    std::vector<PathStep> out_;
};

}  // namespace

std::vector<PathStep> critical_path(const TaskGraph& graph, const sim::Timeline& line) {
    return Walk{graph, line}.back();
}

ordered_json critical_path_json(const TaskGraph& graph, const sim::Timeline& line) {
    const std::vector<PathStep> path = critical_path(graph, line);
    std::array<double, kPathKinds> kinds{};
    std::map<std::pair<PathKind, std::uint16_t>, double> ops;
    std::map<std::uint32_t, double> ranks;
    std::size_t tasks = 0;
    TaskId before = sim::kNone;
    for (const PathStep& step : path) {
        const double seconds = step.end - step.begin;
        kinds[static_cast<std::size_t>(step.kind)] += seconds;
        ops[{step.kind, graph.tasks[step.task].label.op}] += seconds;
        ranks[step.rank_class] += seconds;
        tasks += step.task != before ? 1 : 0;
        before = step.task;
    }
    ordered_json out;
    for (int i = 0; i < kPathKinds; ++i)
        out["by_kind_s"][std::string{name(static_cast<PathKind>(i))}] =
            kinds[static_cast<std::size_t>(i)];
    std::vector<std::pair<double, std::pair<PathKind, std::uint16_t>>> sorted;
    for (const auto& [op, seconds] : ops) sorted.emplace_back(seconds, op);
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    out["ops"] = ordered_json::array();
    for (const auto& [seconds, op] : sorted)
        out["ops"].push_back(
            {{"op", graph.ops[op.second]}, {"kind", name(op.first)}, {"seconds", seconds}});
    out["ranks"] = ordered_json::array();
    for (const auto& [rank, seconds] : ranks)
        out["ranks"].push_back({{"rank", graph.rank_classes[rank].name}, {"seconds", seconds}});
    out["tasks"] = tasks;
    return out;
}

}  // namespace moesim::analysis
