#pragma once

#include <filesystem>

#include "analysis/report.hpp"

namespace moesim::analysis {

/// Wall seconds of what happened around the simulation of the base.
struct CommandTimes {
    double reading_s = 0, result_s = 0, variants_s = 0, sensitivity_s = 0;
};

/// Writes result.json, report.html, summary.md, timeline.json.gz and the CSV tables into `folder`
/// (made when missing), all or none; the same run gives the same bytes. timing.json beside them
/// says what this took. `shown` is what tables and report are about: the result, or of a comparison
/// (whose variants begin with the base) the result without that one.
/// Throws sim::InputError when something cannot be written.
void write_report_folder(const std::filesystem::path& folder, const Simulated& run,
                         const nlohmann::ordered_json& result, const nlohmann::ordered_json& shown,
                         const ScenarioText& input, const CommandTimes& times);

}  // namespace moesim::analysis
