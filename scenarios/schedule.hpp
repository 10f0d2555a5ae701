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

/// What a schedule lays out.
struct PipelineShape {
    int ranks = 1;
    int micro_batches = 1;  // of all flows together
    int chunks = 1;         // stages of a rank and flow (virtual stages)
    int group = 0;       // interleaved: micro-batches in a row through a chunk; 0: as many as ranks
    bool pairs = false;  // 1F1B kinds: forward and backward in one overlapped unit
};

/// The order in which each pipeline rank does its work: never a bubble formula.
///
/// Contract: over all ranks every (stage, flow, micro-batch) has one forward and one backward,
/// whole or as input_gradient followed later by weight_gradient on the same rank.
class Schedule {
public:
    virtual ~Schedule() = default;
    /// What is wrong with the shape, as a sentence; empty when it can run.
    [[nodiscard]] virtual std::string refuse(const PipelineShape& shape) const = 0;
    /// Stages of a rank and flow that the schedule is made for; 0: any number above one.
    [[nodiscard]] virtual int chunks() const { return 1; }
    [[nodiscard]] virtual int stages(const PipelineShape& shape) const {
        return shape.ranks * shape.chunks;
    }
    [[nodiscard]] virtual int flows() const { return 1; }
    /// The rank that holds a stage of a flow.
    [[nodiscard]] virtual int rank_of(const PipelineShape& shape, int stage, int flow) const = 0;
    [[nodiscard]] virtual std::vector<Slot> order(int rank, const PipelineShape& shape) const = 0;
    /// Whether forwards and backwards come as pairs whatever the plan says.
    [[nodiscard]] virtual bool paired() const { return false; }
    /// Whether PipelineShape::pairs means something.
    [[nodiscard]] virtual bool can_pair() const { return paired(); }
    /// Whether backwards read activations that no forward of this run has left (a cut-out unit).
    [[nodiscard]] virtual bool cut_out() const { return false; }
};

/// "F0.3", "F1.4&B0.0", ...: type, flow, micro-batch.
std::string to_string(const Slot& slot);

}  // namespace moesim::scenarios
