#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/units.hpp"

namespace moesim::sim {

using StreamId = std::uint32_t;
using LinkId = std::uint32_t;
using TaskId = std::uint32_t;
inline constexpr std::uint32_t kNone = 0xffffffffu;

/// What a task's seconds are booked as.
enum class Kind : std::uint8_t { compute, optimizer, ep, tp, cp, pp, dp };
inline constexpr int kKinds = 7;
std::string_view name(Kind kind);

/// Where a task belongs; filled by whoever builds the graph, read by metrics and reports.
struct Label {
    Kind kind = Kind::compute;
    std::uint16_t op = 0;           // index into TaskGraph::ops, e.g. "attention forward"
    std::int32_t layer = -1;        // -1: no layer
    std::int32_t micro_batch = -1;  // -1: none
    std::uint32_t unit = kNone;     // index into TaskGraph::units
};

/// One entry of a rank's schedule (a lone forward, an overlapped pair, the optimizer, ...).
enum class UnitKind : std::uint8_t {
    forward,
    input_gradient,
    weight_gradient,
    backward,
    pair,
    optimizer
};
struct Unit {
    UnitKind kind;
    std::uint32_t rank_class;
    std::int32_t micro_batch;
    std::int32_t chunk;
};

/// Runs its tasks one after another in the order in which they were added.
///
/// A stream of width w stands for w member ranks that run the same program and meet in their
/// exchanges; each member has its own clock. Streams of one rank class have one width.
struct Stream {
    std::string name;
    std::uint32_t rank_class;
    std::uint32_t width;
    bool compute;  // counts as a compute stream of its rank
};

/// A directed capacity.
struct Link {
    std::string name;
    std::string cls;  // "nic", "nvlink", "leaf", ...
    BytesPerSecond capacity;
    double stands_for = 1;  // how many equal physical links this one stands for
};

/// Bytes over a path of links. A transfer's demands run side by side.
struct Demand {
    std::uint32_t path;   // TaskGraph::add_path
    double bytes;         // what is sent; reported
    double wire_seconds;  // bytes / achieved rate, alone, on the path's narrowest link
};

/// What the host does for a Work: it issues the work of a stream in order, ahead of the device as
/// far as it can, and waits for the device only where it must read something back.
struct Issue {
    double seconds = 0;    // to launch all kernels
    bool waits = false;    // begins only when the stream has done what came before
    double wait_cost = 0;  // of waking up then
};

/// Tasks of a run;  Ids are dense and count up; a dependency is an earlier id.
///
/// Work      seconds on one stream, one value or one per member, and `gap` seconds between its
///           kernels (the same for all members). It ends no earlier than the host has issued it.
/// Transfer  a rendezvous of all members of its streams: it starts when the last of them is ready,
///           lasts latency + the slowest demand (at least `least` seconds), and ends for all at
///           once. A transfer without demands is a fixed-time exchange.
///
/// A dependency between tasks of equal width holds member by member, otherwise on all members.
class TaskGraph {
public:
    std::uint32_t add_rank_class(std::string name, std::uint32_t width, double stands_for);
    StreamId add_stream(Stream stream);
    LinkId add_link(Link link);
    std::uint32_t add_path(std::vector<LinkId> links);  // equal paths share an id
    std::uint16_t add_op(std::string name);             // equal names share an id
    std::uint32_t add_unit(Unit unit);
    /// A shared vector of per-member seconds; pass the id to add_work.
    std::uint32_t add_values(std::vector<double> seconds);

    /// `values`: id from add_values with one entry (all members alike) or width entries.
    TaskId add_work(StreamId stream, std::uint32_t values, double gap, Label label,
                    std::span<const TaskId> after, Issue issue = {});
    TaskId add_transfer(std::span<const StreamId> streams, double latency, double least,
                        std::span<const Demand> demands, Label label,
                        std::span<const TaskId> after);

    struct RankClass {
        std::string name;
        std::uint32_t width;  // member ranks simulated one by one
        double stands_for;    // ranks per member, itself included
    };
    struct Task {
        Label label;
        bool transfer = false;
        std::uint32_t streams_begin = 0, streams_end = 0;  // into stream_refs; a Work has one
        std::uint32_t after_begin = 0, after_end = 0;      // into after_refs
        std::uint32_t values = kNone;                      // Work
        std::uint32_t demands_begin = 0, demands_end = 0;  // Transfer
        double gap = 0;                                    // Work
        Issue issue{};                                     // Work
        double latency = 0, least = 0;                     // Transfer
    };

    std::vector<RankClass> rank_classes;
    std::vector<Stream> streams;
    std::vector<Link> links;
    std::vector<std::vector<LinkId>> paths;
    std::vector<std::string> ops;
    std::vector<Unit> units;
    std::vector<std::vector<double>> values;
    std::vector<Task> tasks;
    std::vector<StreamId> stream_refs;
    std::vector<TaskId> after_refs;
    std::vector<Demand> demands;
    std::vector<std::vector<TaskId>> stream_tasks;  // [streams] order of execution

    [[nodiscard]] std::span<const StreamId> streams_of(const Task& t) const;
    [[nodiscard]] std::span<const TaskId> after_of(const Task& t) const;
    [[nodiscard]] std::span<const Demand> demands_of(const Task& t) const;
    /// Members of all streams of a task together (participants, in stream order).
    [[nodiscard]] std::uint32_t participants(const Task& t) const;
    /// Uncontended seconds of a transfer: latency + max(least, slowest demand, busiest link where
    /// its demands meet).
    [[nodiscard]] double alone_seconds(const Task& t) const;

private:
    TaskId add_task(Task task, std::span<const StreamId> on, std::span<const TaskId> after);

    std::map<std::vector<LinkId>, std::uint32_t> path_ids_;
    std::map<std::string, std::uint16_t> op_ids_;
};

/// When every participant of every task was ready, began and ended (seconds from the start).
///
/// ready  own stream free and dependencies met; start  for a transfer: when the last was ready, for
/// work: when its first kernel was issued, too
struct Timeline {
    std::vector<std::uint32_t> first;  // [tasks + 1] first participant of each task
    std::vector<double> ready;         // [participants]
    std::vector<double> start;         // [participants] (equal over a transfer's participants)
    std::vector<double> end;           // [participants]
    double makespan = 0;
    std::uint64_t activities = 0;  // what the engine itself simulated
};

/// An engine turns a graph into a timeline; it leaves the graph untouched and is deterministic.
/// Throws std::runtime_error when the graph cannot run to its end (a cycle of waits).
class Engine {
public:
    virtual ~Engine() = default;
    [[nodiscard]] virtual Timeline run(const TaskGraph& graph) const = 0;
};

}  // namespace moesim::sim
