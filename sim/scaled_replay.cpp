#include "sim/scaled_replay.hpp"

#include <algorithm>
#include <queue>
#include <stdexcept>

namespace moesim::sim {

ScaledReplay::ScaledReplay(const TaskGraph& graph) : graph_{graph} {
    for (const TaskGraph::Task& task : graph.tasks) {
        alone_.push_back(task.transfer ? graph.alone_seconds(task) : 0);
        member_.push_back(static_cast<std::uint32_t>(members_));
        const std::uint32_t width = graph.participants(task);
        size_ += width;
        if (!task.transfer) members_ += width;
    }
    find_order();
}

/// Tasks in the order of their ids where that runs (the usual case), else any that does.
void ScaledReplay::find_order() {
    const std::size_t n = graph_.tasks.size();
    std::vector<std::vector<TaskId>> next(n);
    std::vector<std::uint32_t> waits(n, 0);
    const auto edge = [&](TaskId from, TaskId to) {
        next[from].push_back(to);
        ++waits[to];
    };
    for (TaskId t = 0; t < n; ++t)
        for (const TaskId before : graph_.after_of(graph_.tasks[t])) edge(before, t);
    for (const auto& order : graph_.stream_tasks)
        for (std::size_t i = 1; i < order.size(); ++i) edge(order[i - 1], order[i]);
    std::priority_queue<TaskId, std::vector<TaskId>, std::greater<>> free;
    for (TaskId t = 0; t < n; ++t)
        if (waits[t] == 0) free.push(t);
    while (!free.empty()) {
        const TaskId t = free.top();
        free.pop();
        order_.push_back(t);
        for (const TaskId to : next[t])
            if (--waits[to] == 0) free.push(to);
    }
    if (order_.size() != n) throw std::runtime_error("tasks wait for each other in a circle");
}

double ScaledReplay::makespan(std::span<const double> scale) const {
    std::vector<std::vector<double>> stream_free;
    for (const Stream& s : graph_.streams) stream_free.emplace_back(s.width, 0.0);
    std::vector<double> end(members_), last_end(graph_.tasks.size());
    double last = 0;
    for (const TaskId id : order_) {
        const TaskGraph::Task& task = graph_.tasks[id];
        const double factor = scale[task.label.op];
        const auto streams = graph_.streams_of(task);
        if (task.transfer) {
            double start = 0;
            for (const StreamId s : streams)
                for (const double free : stream_free[s]) start = std::max(start, free);
            for (const TaskId before : graph_.after_of(task))
                start = std::max(start, last_end[before]);
            last_end[id] = start + alone_[id] * factor;
            for (const StreamId s : streams)
                std::fill(stream_free[s].begin(), stream_free[s].end(), last_end[id]);
        } else {
            std::vector<double>& free = stream_free[streams.front()];
            const std::vector<double>& seconds = graph_.values[task.values];
            for (const TaskId before : graph_.after_of(task)) {
                const TaskGraph::Task& other = graph_.tasks[before];
                const bool aligned =
                    !other.transfer &&
                    graph_.streams[graph_.streams_of(other).front()].width == free.size();
                for (std::size_t m = 0; m < free.size(); ++m)
                    free[m] =
                        std::max(free[m], aligned ? end[member_[before] + m] : last_end[before]);
            }
            for (std::size_t m = 0; m < free.size(); ++m) {
                free[m] += task.gap + factor * seconds[seconds.size() == 1 ? 0 : m];
                end[member_[id] + m] = free[m];
                last_end[id] = std::max(last_end[id], free[m]);
            }
        }
        last = std::max(last, last_end[id]);
    }
    return last;
}

}  // namespace moesim::sim
