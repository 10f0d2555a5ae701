#pragma once

#include "analysis/planning/search.hpp"
#include "analysis/sweep/sweep.hpp"

namespace moesim::analysis {

/// The best plans for a model, a cluster and a batch.
///
/// Every candidate is screened with the replay engine on a few micro-batches (memory is at its peak
/// by then), with as much recomputation as it takes to fit, and its step time extrapolated to all
/// of them: they follow each other at a constant pace. The best layouts (degrees of parallelism),
/// each with its best micro-batch, are then simulated in full with SimGrid.
///
/// returns what run_sweep does, points best first and with vs_best {step_time_ratio, why}, and
/// `search` {axes, considered, candidates, refused, unfit}. Deterministic for any `jobs`.
/// sweep.axes replace or add to the search's own; sweep.top: how many layouts are simulated.
nlohmann::ordered_json find_plans(const Sweep& sweep);

/// For a terminal of 80 columns: the best plans, and what makes the others slower.
std::string plan_summary(const nlohmann::ordered_json& result);

}  // namespace moesim::analysis
