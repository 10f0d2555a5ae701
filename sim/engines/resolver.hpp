#pragma once

#include <functional>
#include <vector>

#include "sim/task_graph.hpp"

namespace moesim::sim {

/// The arithmetic that all engines share: who is ready when, given when transfers end.
///
/// A task is known once its predecessors (dependencies, and the task before it on each of its
/// streams) have known ends. Known work is booked at once; a known transfer is handed to
/// `on_transfer` with the time at which its last participant is ready, and its end comes back
/// through finish(). An engine therefore decides one thing only: how long a transfer takes.
class Resolver {
public:
    using OnTransfer = std::function<void(TaskId, double start)>;

    /// Throws std::runtime_error when tasks wait for each other in a circle.
    Resolver(const TaskGraph& graph, OnTransfer on_transfer);

    /// Books everything that needs no transfer to end first.
    void begin();
    /// Books the end of a transfer (latency included) and what becomes known by it.
    void finish(TaskId transfer, double end);
    /// Whether every task is booked.
    [[nodiscard]] bool done() const { return booked_ == graph_.tasks.size(); }
    /// The timeline, once every task is booked.
    Timeline take();

private:
    void refuse_cycles() const;
    void book(TaskId id);
    void settle();
    [[nodiscard]] double after(TaskId before, std::uint32_t member, std::uint32_t width) const;

    const TaskGraph& graph_;
    OnTransfer on_transfer_;
    Timeline line_;
    std::vector<std::uint32_t> waits_;       // [tasks] predecessors not yet known
    std::vector<std::uint32_t> next_begin_;  // [tasks + 1] successors, compressed
    std::vector<TaskId> next_;
    std::vector<std::vector<double>> stream_free_;
    std::vector<std::vector<double>>
        host_free_;                // [streams][members] all before is issued  // [streams][members]
    std::vector<double> max_end_;  // [tasks]
    std::vector<TaskId> known_;    // booked but not yet announced
    std::size_t booked_ = 0;
    bool settling_ = false;
};

}  // namespace moesim::sim
