#pragma once

#include <nlohmann/json_fwd.hpp>

#include "analysis/result.hpp"

namespace moesim::analysis {

/// What a step would take if one thing were 10 % better, and with even load:
/// [{change, what_if, step_time_s, step_time_ratio}], `change` one of flops, hbm, nvlink, nic,
/// latency, even_load.
///
/// Each change is a [what_if] on top of the scenario's own, lowered anew, so that every kernel and
/// transfer answers it with its own cost; the engine `replay` gives the ratio of the two step
/// times, which is applied to the run's own step time. Left out: how much less (or more) transfers
/// would get in each other's way on shared links. Changes are worked out side by side, in processes
/// of their own; the order is fixed. even_load is there only where load is uneven.
nlohmann::ordered_json sensitivity_json(const Simulated& run, const RunOptions& options);

}  // namespace moesim::analysis
