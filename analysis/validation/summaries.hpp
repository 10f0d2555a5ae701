#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>

namespace moesim::analysis {

/// The summary of validation rows: {configs, covered, mape, median_ape, p90_ape, bias,
/// mean_abs_log, kendall_tau, tau_groups, null: {rows, mape, median_ape, mean_abs_log}, memory:
/// {rows, mape, bias}, inside_interval, unexplained: {deviation, families, inside_left_out},
/// by_source: {...}, by_gpu: {...}}.
///
/// kendall_tau: tau-b of GPU-seconds per token, mean over groups of rows that differ in layout
/// only, at least three; tau_groups: their sizes.
/// null: what one would say without any simulator, the median TFLOPS per GPU of other source
/// families on the same device and precision class; over rows for which there is one.
nlohmann::ordered_json summarise_rows(const nlohmann::ordered_json& rows, std::size_t configs);

}  // namespace moesim::analysis
