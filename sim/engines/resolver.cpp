#include "sim/engines/resolver.hpp"

#include <algorithm>
#include <cassert>
#include <stdexcept>

namespace moesim::sim {

Resolver::Resolver(const TaskGraph& graph, OnTransfer on_transfer)
    : graph_{graph}, on_transfer_{std::move(on_transfer)} {
    const std::size_t n = graph.tasks.size();
    line_.first.resize(n + 1, 0);
    for (std::size_t t = 0; t < n; ++t)
        line_.first[t + 1] = line_.first[t] + graph.participants(graph.tasks[t]);
    line_.ready.resize(line_.first[n]);
    line_.start.resize(line_.first[n]);
    line_.end.resize(line_.first[n]);
    max_end_.resize(n);
    for (const Stream& s : graph.streams) stream_free_.emplace_back(s.width, 0.0);
    host_free_ = stream_free_;

    waits_.assign(n, 0);
    next_begin_.assign(n + 1, 0);
    const auto each_edge = [&](auto&& visit) {
        for (TaskId t = 0; t < n; ++t)
            for (const TaskId before : graph.after_of(graph.tasks[t])) visit(before, t);
        for (const auto& order : graph.stream_tasks)
            for (std::size_t i = 1; i < order.size(); ++i) visit(order[i - 1], order[i]);
    };
    each_edge([&](TaskId from, TaskId to) { ++next_begin_[from + 1], ++waits_[to]; });
    for (std::size_t t = 0; t < n; ++t) next_begin_[t + 1] += next_begin_[t];
    next_.resize(next_begin_[n]);
    std::vector<std::uint32_t> at(next_begin_.begin(), next_begin_.end() - 1);
    each_edge([&](TaskId from, TaskId to) { next_[at[from]++] = to; });
    refuse_cycles();
}

void Resolver::refuse_cycles() const {
    std::vector<std::uint32_t> waits = waits_;
    std::vector<TaskId> free;
    for (TaskId t = 0; t < waits.size(); ++t)
        if (waits[t] == 0) free.push_back(t);
    std::size_t done = 0;
    for (; !free.empty(); ++done) {
        const TaskId id = free.back();
        free.pop_back();
        for (std::uint32_t i = next_begin_[id]; i < next_begin_[id + 1]; ++i)
            if (--waits[next_[i]] == 0) free.push_back(next_[i]);
    }
    if (done != waits.size())
        throw std::runtime_error(
            "the task graph cannot run to its end: " + std::to_string(waits.size() - done) +
            " tasks wait for each other");
}

void Resolver::begin() {
    std::vector<TaskId> first;
    for (TaskId t = 0; t < graph_.tasks.size(); ++t)
        if (waits_[t] == 0) first.push_back(t);
    for (const TaskId t : first) book(t);
    settle();
}

/// When `before` allows a member of a task of `width` to go on.
double Resolver::after(TaskId before, std::uint32_t member, std::uint32_t width) const {
    const std::uint32_t first = line_.first[before];
    const bool aligned = line_.first[before + 1] - first == width && !graph_.tasks[before].transfer;
    return aligned ? line_.end[first + member] : max_end_[before];
}

void Resolver::book(TaskId id) {
    const TaskGraph::Task& task = graph_.tasks[id];
    std::uint32_t at = line_.first[id];
    double last = 0;
    for (const StreamId s : graph_.streams_of(task)) {
        std::vector<double>& free = stream_free_[s];
        const auto width = static_cast<std::uint32_t>(free.size());
        for (std::uint32_t m = 0; m < width; ++m, ++at) {
            double ready = free[m];
            for (const TaskId before : graph_.after_of(task))
                ready = std::max(ready, after(before, m, width));
            line_.ready[at] = ready;
            last = std::max(last, ready);
            if (task.transfer) continue;
            const std::vector<double>& seconds = graph_.values[task.values];
            double& host = host_free_[s][m];
            if (task.issue.waits) host = std::max(host, free[m]) + task.issue.wait_cost;
            const double begun = std::max(ready, host);
            host += task.issue.seconds;
            line_.start[at] = begun;
            line_.end[at] = std::max(begun + task.gap + seconds[seconds.size() == 1 ? 0 : m], host);
            free[m] = line_.end[at];
            max_end_[id] = std::max(max_end_[id], line_.end[at]);
        }
    }
    if (!task.transfer) {
        known_.push_back(id);
        return;
    }
    std::fill(line_.start.begin() + line_.first[id], line_.start.begin() + line_.first[id + 1],
              last);
    on_transfer_(id, last);
}

void Resolver::finish(TaskId transfer, double end) {
    max_end_[transfer] = end;
    std::fill(line_.end.begin() + line_.first[transfer],
              line_.end.begin() + line_.first[transfer + 1], end);
    for (const StreamId s : graph_.streams_of(graph_.tasks[transfer]))
        std::fill(stream_free_[s].begin(), stream_free_[s].end(), end);
    known_.push_back(transfer);
    settle();
}

void Resolver::settle() {
    if (settling_) return;  // a replaying engine finishes transfers from within book()
    settling_ = true;
    while (!known_.empty()) {
        const TaskId id = known_.back();
        known_.pop_back();
        ++booked_;
        line_.makespan = std::max(line_.makespan, max_end_[id]);
        for (std::uint32_t i = next_begin_[id]; i < next_begin_[id + 1]; ++i)
            if (--waits_[next_[i]] == 0) book(next_[i]);
    }
    settling_ = false;
}

Timeline Resolver::take() {
    assert(booked_ == graph_.tasks.size() && "every transfer's end was told");
    return std::move(line_);
}

}  // namespace moesim::sim
