#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/layer_costs.hpp"
#include "scenarios/scenario.hpp"
#include "sim/task_graph.hpp"

namespace moesim::scenarios {

/// Where the seconds of an op come from: by Evidence, with the relative error of their sum.
struct OpGround {
    std::array<double, 4> seconds{};  // summed over the tasks of one member rank
    double rel_error = 0;
};

enum class MemoryClass : std::uint8_t { weights, gradients, optimizer, activations, buffers };
inline constexpr int kMemoryClasses = 5;
std::string_view name(MemoryClass cls);

/// How uneven one exchange was, over the members of its expert-parallel group.
struct LoadSample {
    int moe_layer, micro_batch;
    double rows, nic, nvlink;  // max / mean of rows, and of token copies received on each fabric
    int hottest;               // member with most rows
};

/// Bytes that a rank class holds from (or, negative, until) a task on.
struct MemoryEvent {
    sim::TaskId task;
    bool at_end;  // false: when the task starts
    std::uint32_t rank_class;
    MemoryClass cls;
    double bytes;
};

/// What it costs to follow the loads with a new placement every so many steps.
struct MoveCost {
    double every = 0;       // steps
    bool hidden = false;    // beside the steps, all of them sharing it, not after one of them
    double experts = 0;     // expert weights that change their rank in one move, all ranks
    double bytes = 0;       // of one move, all ranks: weights and optimizer state
    double rank_bytes = 0;  // that the busiest port of any rank passes in one move
    double seconds = 0;     // of one move with the links to itself, slowest pipeline rank
};

/// Bytes that the library of products keeps for itself on every rank.
double workspaces(const Scenario& s);

/// A scenario as tasks, with what the analysis needs beside them.
struct Lowered {
    sim::TaskGraph graph;
    std::vector<OpGround> ops;       // by graph.ops
    std::vector<int> pipeline_rank;  // [rank classes]
    std::vector<int> first_gpu;      // [rank classes] a GPU that it stands for
    std::vector<std::array<double, kMemoryClasses>>
        standing;  // [rank classes] bytes held all the time
    std::vector<MemoryEvent> memory;
    std::vector<LoadSample> loads;  // per dispatch, in order of writing
    std::string placed_from;        // digest of the loads that the placement saw
    double contended_seconds = 0;   // costed as contended, per member, over all rank classes
    std::map<std::string, double> kernel_seconds;   // by kernel, mean over ranks
    std::map<std::string, std::string> algorithms;  // of collectives, by what they are for
    std::string fold;                               // what one simulated rank stands for
    double dropped_share = 0;                       // of the router's assignments
    double dropped_weight_share = 0;                // of the router's weight
    double dropped_worst = 0;      // of the assignments of any rank in any dispatch
    std::optional<MoveCost> move;  // when the placement changes
};

/// Lays the model on the cluster and writes down what every rank does, in order.
///
/// fold  ranks whose programs are equal are simulated as members of one rank class: members keep
///       their own loads and clocks, exchanges load the representative's ports with the hottest
///       member's bytes, and replicas of an expert-parallel group (which differ in their draws
///       only) are simulated once. With equal loads one member is enough.
Lowered lower(const Scenario& scenario, bool fold);

}  // namespace moesim::scenarios
