#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/result.hpp"

namespace moesim::analysis {

/// What routing a scenario draws in one step, as 16 hexadecimal digits: equal digests, equal
/// tokens.
std::string routing_digest(const scenarios::Scenario& scenario);

/// Runs every scenario with every seed; the result is that of the base with `variants` (base
/// first), each with `vs_base`: step_time_ratio, and over seeds its mean, standard error and
/// whether the two can be told apart (|mean| above two standard errors; null with one seed).
/// progress(done, all) is called as runs end.
nlohmann::ordered_json compare(const std::vector<std::vector<scenarios::Scenario>>& by_seed,
                               const RunOptions& options, int jobs,
                               const std::function<void(std::size_t, std::size_t)>& progress = {});

/// The ranking for a terminal of 80 columns.
std::string comparison_summary(const nlohmann::ordered_json& result);

}  // namespace moesim::analysis
