#pragma once

#include <optional>

#include "analysis/report/html.hpp"
#include "analysis/report/sections.hpp"
#include "analysis/report/spans.hpp"

namespace moesim::analysis {

/// Units of the schedule over the whole step, one row per rank class.
std::string step_svg(const Simulated& run, const std::vector<std::uint32_t>& rank_classes,
                     const Axis& axis);
/// The kinds of units that these rank classes run.
std::vector<html::Key> unit_keys(const Simulated& run,
                                 const std::vector<std::uint32_t>& rank_classes);

/// `count` units in a row of the kind on which a rank spends most, from the middle of the run.
std::vector<UnitSpan> steady_units(const Simulated& run, std::uint32_t rank_class,
                                   std::size_t count);

/// The tasks of one unit's time, a row per stream, each box labelled with its op.
std::string zoom_svg(const Simulated& run, std::uint32_t rank_class, const UnitSpan& unit);
/// The colour of a task: compute by direction, transfers by kind. Ops are named after what they do
/// to whom.
std::string task_class(const Simulated& run, const sim::Label& label);

/// The whole step for the page's script (charts/schedule.js): units of the schedule with their
/// micro-batches, a row per rank class.
nlohmann::ordered_json schedule_chart(const Simulated& run,
                                      const std::vector<std::uint32_t>& rank_classes,
                                      const Axis& axis);
/// All streams of a few ranks (charts/streams.js), first shown `from` to `until`; rank_classes
/// [start] is shown first. `cut` is set where the page would hold too many tasks and only those
/// around that moment are in it: the seconds that are.
struct StreamsChart {
    nlohmann::ordered_json chart;
    std::optional<UnitSpan> cut;
};
StreamsChart streams_chart(const Simulated& run, const std::vector<std::uint32_t>& rank_classes,
                           std::size_t start, double from, double until, const Axis& axis);

/// The kinds of tasks in these units' time.
std::vector<html::Key> task_keys(const Simulated& run, std::uint32_t rank_class,
                                 const std::vector<UnitSpan>& units);

}  // namespace moesim::analysis
