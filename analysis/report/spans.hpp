#pragma once

#include <string>
#include <vector>

#include "scenarios/lowering.hpp"

namespace moesim::analysis {

/// One unit of a schedule on one member: from its first task to its last.
struct UnitSpan {
    std::uint32_t unit;
    double begin, end;
};

/// The units of a member by begin, none overlapping the next; stage-to-stage transfers left out, as
/// in the phases of breakdown.hpp.
std::vector<UnitSpan> unit_spans(const sim::TaskGraph& graph, const sim::Timeline& line,
                                 std::uint32_t rank_class, std::uint32_t member);

/// A task on a stream as one member saw it.
struct TaskSpan {
    sim::TaskId task;
    double begin, end;
};
/// The tasks of a stream in order that end after `from` and begin before `until`.
std::vector<TaskSpan> task_spans(const sim::TaskGraph& graph, const sim::Timeline& line,
                                 sim::StreamId stream, std::uint32_t member, double from,
                                 double until);

/// "pair 12", "optimizer".
std::string unit_name(const sim::Unit& unit);
std::string_view unit_kind_name(sim::UnitKind kind);

/// A stream's name for a person: stage-to-stage ones say which way and with whom.
std::string stream_title(const sim::TaskGraph& graph, sim::StreamId stream);

/// The first rank class of each pipeline rank; of many, at most `most` of them, evenly spread with
/// the first and the last.
std::vector<std::uint32_t> representatives(const scenarios::Lowered& lowered, std::size_t most);

/// Bytes per second in flight on a link, as means over `buckets` equal parts of the run. A
/// transfer's bytes are spread evenly from the end of its latency to its end.
std::vector<double> link_rate(const sim::TaskGraph& graph, const sim::Timeline& line,
                              sim::LinkId link, std::size_t buckets);

}  // namespace moesim::analysis
