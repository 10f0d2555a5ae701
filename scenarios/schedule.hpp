#pragma once

#include <string>
#include <vector>

#include "sim/task_graph.hpp"

namespace moesim::scenarios {

/// A micro-batch's pass through a stage. Micro-batches are numbered inside their flow.
struct Part {
    int stage = 0;
    int flow = 0;  // pipelines in opposite directions have flows 0 and 1
    int micro_batch = 0;
    bool operator==(const Part&) const = default;
};

/// One entry of a rank's order. A pair runs `forward` and `backward` as one overlapped unit.
struct Slot {
    sim::UnitKind kind = sim::UnitKind::forward;
    Part forward;   // forward, pair
    Part backward;  // every other kind, and pair
};

/// The order in which each pipeline rank does its work: never a bubble formula.
///
/// Contract: over all ranks every (stage, flow, micro-batch) has one forward and one backward,
/// whole or as input_gradient followed later by weight_gradient on the same rank.
class Schedule {
public:
    virtual ~Schedule() = default;
    /// What is wrong with p ranks and m micro-batches, as a sentence; empty when they can run.
    [[nodiscard]] virtual std::string refuse(int ranks, int micro_batches) const = 0;
    [[nodiscard]] virtual int stages(int ranks) const { return ranks; }
    [[nodiscard]] virtual int flows() const { return 1; }
    /// The rank that holds a stage of a flow.
    [[nodiscard]] virtual int rank_of(int ranks, int stage, int flow) const = 0;
    [[nodiscard]] virtual std::vector<Slot> order(int rank, int ranks, int micro_batches) const = 0;
    /// Whether backwards read activations that no forward of this run has left (a cut-out unit).
    [[nodiscard]] virtual bool cut_out() const { return false; }
};

/// "F0.3", "F1.4&B0.0", ...: type, flow, micro-batch.
std::string to_string(const Slot& slot);

}  // namespace moesim::scenarios
