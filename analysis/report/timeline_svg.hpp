#pragma once

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
/// The kinds of tasks in these units' time.
std::vector<html::Key> task_keys(const Simulated& run, std::uint32_t rank_class,
                                 const std::vector<UnitSpan>& units);

}  // namespace moesim::analysis
