#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/result.hpp"
#include "analysis/validation/published.hpp"

namespace moesim::analysis {

/// Seconds of one step as published: step_time if given, else tokens per second, else TFLOPS or
/// MFU with Megatron's count of model FLOPs (causal half, MTP included; knowledge: Megatron-LM,
/// num_floating_point_operations). nothing: no metric says it.
struct PublishedTime {
    double seconds = 0;
    std::string from;  // the metric
};

struct ValidationOptions {
    RunOptions run{.engine = "replay", .fold = true};
    int jobs = 1;
    std::function<void(std::size_t done, std::size_t all)> progress;
};

/// Every configuration predicted and set beside what was published.
///
/// returns {rows: [{config_id, metric, published, predicted, rel_error, status, reason, ...}],
/// summary: {...}} as the README documents. status: "ok", "refused" (no scenario can be made of
/// it), "does_not_fit" (weights, gradients and optimizer alone exceed the device's memory),
/// "no_metric".
/// recipes  settings by config_id, see read_recipes; may be empty.
nlohmann::ordered_json validate(
    const std::vector<Published>& published,
    const std::map<std::string, std::map<std::string, std::string>>& recipes,
    const ValidationOptions& options);

/// Coverage, errors by source and GPU, and the worst rows, for a terminal of 80 columns.
std::string validation_summary(const nlohmann::ordered_json& result);

}  // namespace moesim::analysis
