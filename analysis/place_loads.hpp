#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "scenarios/placement.hpp"

namespace moesim::analysis {

/// What a loads file asks to place. The object, or the one under "input", holds
///
///   weight         [layers][experts], at least 0
///   num_replicas, num_groups, num_nodes, num_gpus
///   together       [layers][experts][experts]      optional
///   follows        [layers - 1][experts][experts]  optional
///   gpu_speed      [gpus], above 0                 optional
///
/// Keys that look like misspelt ones are refused, others are left alone. Throws sim::InputError
/// with the JSON pointer.
scenarios::PlacementInput read_loads(const std::filesystem::path& path);

/// phy2log, log2phy (padded with -1 to the most replicas of any expert and layer), logcnt,
/// gpu_load, max_over_mean_gpu_load (null for a layer without load), the same for nodes.
nlohmann::ordered_json to_json(const scenarios::Placement& placement,
                               const scenarios::PlacementInput& input);

/// Largest over mean load of the GPUs, layer by layer, for the terminal.
std::string to_text(const scenarios::Placement& placement, const scenarios::PlacementInput& input);

}  // namespace moesim::analysis
