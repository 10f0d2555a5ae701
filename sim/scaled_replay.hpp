#pragma once

#include <span>
#include <vector>

#include "sim/task_graph.hpp"

namespace moesim::sim {

/// The longest path through one graph, again and again, with the durations of each op scaled.
///
/// The same arithmetic as the engine `replay` (transfers at their uncontended time), without
/// keeping times: one pass over the tasks in an order that is found once.
class ScaledReplay {
public:
    /// Throws std::runtime_error when tasks wait for each other in a circle.
    explicit ScaledReplay(const TaskGraph& graph);

    /// scale [graph.ops] factor on the seconds of every task of an op; host gaps stay as they are.
    /// Returns the makespan in seconds.
    [[nodiscard]] double makespan(std::span<const double> scale) const;

    /// Participants of all tasks: what one pass costs.
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    void find_order();

    const TaskGraph& graph_;
    std::vector<TaskId> order_;
    std::vector<double> alone_;          // [tasks] seconds of a transfer
    std::vector<std::uint32_t> member_;  // [tasks] of a work: its first entry in the ends
    std::size_t members_ = 0, size_ = 0;
};

}  // namespace moesim::sim
