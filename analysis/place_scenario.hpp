#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "scenarios/placement.hpp"
#include "sim/input.hpp"

namespace moesim::analysis {

/// Every strategy on a scenario's own routing, placed on what it may observe and judged by the
/// simulated step on what it may not; those that cannot run here are listed with the reason.
///
/// strategies  names, or "all"
/// returns     {routing_digest, strategies: [{strategy, step_time_s, vs_first, load, memory, why,
///             reason}]}, best first, then the ones that were refused
nlohmann::ordered_json place_scenario(const sim::Table& scenario,
                                      const std::vector<std::string>& strategies,
                                      std::uint64_t seed, int jobs);

std::string place_summary(const nlohmann::ordered_json& result);

/// The placement that a scenario asks for, per MoE layer; contiguous ones written out.
scenarios::Placement placement_of(const sim::Table& scenario, std::uint64_t seed);

/// A placement as serving and training frameworks read it: "sglang" and "vllm" (JSON,
/// physical_to_logical_map), "trtllm" (YAML, initial_global_assignments), "eplb" (phy2log, log2phy,
/// logcnt). first_layer: number of the first MoE layer in the model.
std::string export_placement(const scenarios::Placement& placement, const std::string& form,
                             int first_layer);

}  // namespace moesim::analysis
