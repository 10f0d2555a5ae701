#include "sim/task_graph.hpp"

#include <algorithm>
#include <array>
#include <cassert>

namespace moesim::sim {

std::string_view name(Kind kind) {
    static constexpr std::array<std::string_view, kKinds> names{"compute", "optimizer", "ep", "tp",
                                                                "cp",      "pp",        "dp"};
    return names[static_cast<std::size_t>(kind)];
}

std::uint32_t TaskGraph::add_rank_class(std::string name, std::uint32_t width, double stands_for) {
    assert(width > 0 && "a rank class has members");
    rank_classes.push_back({std::move(name), width, stands_for});
    return static_cast<std::uint32_t>(rank_classes.size() - 1);
}

StreamId TaskGraph::add_stream(Stream stream) {
    streams.push_back(std::move(stream));
    stream_tasks.emplace_back();
    return static_cast<StreamId>(streams.size() - 1);
}

LinkId TaskGraph::add_link(Link link) {
    links.push_back(std::move(link));
    return static_cast<LinkId>(links.size() - 1);
}

std::uint32_t TaskGraph::add_path(std::vector<LinkId> path) {
    const auto [at, fresh] = path_ids_.try_emplace(path, static_cast<std::uint32_t>(paths.size()));
    if (fresh) paths.push_back(std::move(path));
    return at->second;
}

std::uint16_t TaskGraph::add_op(std::string name) {
    const auto [at, fresh] = op_ids_.try_emplace(name, static_cast<std::uint16_t>(ops.size()));
    if (fresh) ops.push_back(std::move(name));
    return at->second;
}

std::uint32_t TaskGraph::add_unit(Unit unit) {
    units.push_back(unit);
    return static_cast<std::uint32_t>(units.size() - 1);
}

std::uint32_t TaskGraph::add_values(std::vector<double> seconds) {
    values.push_back(std::move(seconds));
    return static_cast<std::uint32_t>(values.size() - 1);
}

TaskId TaskGraph::add_task(Task task, std::span<const StreamId> on, std::span<const TaskId> after) {
    const auto id = static_cast<TaskId>(tasks.size());
    task.streams_begin = static_cast<std::uint32_t>(stream_refs.size());
    for (const StreamId s : on) {
        stream_refs.push_back(s);
        stream_tasks[s].push_back(id);
    }
    task.streams_end = static_cast<std::uint32_t>(stream_refs.size());
    task.after_begin = static_cast<std::uint32_t>(after_refs.size());
    for (const TaskId a : after) {
        if (a == kNone) continue;
        assert(a < id && "a dependency is an earlier task");
        after_refs.push_back(a);
    }
    task.after_end = static_cast<std::uint32_t>(after_refs.size());
    tasks.push_back(task);
    return id;
}

TaskId TaskGraph::add_work(StreamId stream, std::uint32_t values_id, double gap, Label label,
                           std::span<const TaskId> after, Issue issue) {
    assert((values[values_id].size() == 1 || values[values_id].size() == streams[stream].width) &&
           "one value or one per member");
    Task task;
    task.label = label;
    task.values = values_id;
    task.gap = gap;
    task.issue = issue;
    return add_task(task, {&stream, 1}, after);
}

TaskId TaskGraph::add_transfer(std::span<const StreamId> on, double latency, double least,
                               std::span<const Demand> wanted, Label label,
                               std::span<const TaskId> after) {
    Task task;
    task.label = label;
    task.transfer = true;
    task.latency = latency;
    task.least = least;
    task.demands_begin = static_cast<std::uint32_t>(demands.size());
    demands.insert(demands.end(), wanted.begin(), wanted.end());
    task.demands_end = static_cast<std::uint32_t>(demands.size());
    return add_task(task, on, after);
}

std::span<const StreamId> TaskGraph::streams_of(const Task& t) const {
    return {stream_refs.data() + t.streams_begin, t.streams_end - t.streams_begin};
}
std::span<const TaskId> TaskGraph::after_of(const Task& t) const {
    return {after_refs.data() + t.after_begin, t.after_end - t.after_begin};
}
std::span<const Demand> TaskGraph::demands_of(const Task& t) const {
    return {demands.data() + t.demands_begin, t.demands_end - t.demands_begin};
}

std::uint32_t TaskGraph::participants(const Task& t) const {
    std::uint32_t sum = 0;
    for (const StreamId s : streams_of(t)) sum += streams[s].width;
    return sum;
}

double TaskGraph::alone_seconds(const Task& t) const {
    double slowest = t.least;
    const auto all = demands_of(t);
    for (const Demand& d : all) slowest = std::max(slowest, d.wire_seconds);
    if (all.size() > 1 && paths[all.front().path].size() > 1) {  // demands may meet on a link
        std::map<LinkId, double> busy;
        for (const Demand& d : all) {
            double narrowest = links[paths[d.path].front()].capacity.si();
            for (const LinkId l : paths[d.path])
                narrowest = std::min(narrowest, links[l].capacity.si());
            for (const LinkId l : paths[d.path])
                busy[l] += d.wire_seconds * narrowest / links[l].capacity.si();
        }
        for (const auto& [link, seconds] : busy) slowest = std::max(slowest, seconds);
    }
    return t.latency + slowest;
}

}  // namespace moesim::sim
