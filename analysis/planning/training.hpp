#pragma once

#include "analysis/result.hpp"

namespace moesim::analysis {

/// `training` of a result: what all tokens take. steps, days, gpu_hours, cost_usd and energy_kwh
/// are without interruptions; `failures` says what these add, `power` what the energy assumes,
/// `ramp` how a growing batch was timed. `goodput` is null where nothing interrupts.
///
/// busy  share of the step in which a rank computes, mean over ranks
nlohmann::ordered_json training_json(const Simulated& run, double busy, const RunOptions& options);

/// Interruptions, goodput and days with them, in one line; empty where nothing interrupts.
std::string failure_words(const nlohmann::ordered_json& training);

}  // namespace moesim::analysis
