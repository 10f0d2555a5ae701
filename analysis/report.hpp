#pragma once

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "analysis/result.hpp"

namespace moesim::analysis {

/// What the user wrote, for the report.
struct ScenarioText {
    std::string file;               // its name, without folders
    std::string text;               // as it stands there
    std::vector<std::string> sets;  // assignments of the command line on top
    std::set<std::string> given;    // dotted keys of the resolved scenario that the user gave
};

/// Which keys of `resolved` the table holds; what it lacks was filled in.
std::set<std::string> given_keys(const sim::Table& table, const nlohmann::ordered_json& resolved);

/// The run as one HTML page: nothing is loaded from anywhere, it follows the reader's light or dark
/// setting and prints. Drawings are inline SVG; on a screen the chart library, where this program
/// was built with it, draws most of them anew so that the reader can zoom and ask for figures.
/// `result` is result_json's, with `variants` when there are some. The same input gives the same
/// bytes.
std::string report_html(const Simulated& run, const nlohmann::ordered_json& result,
                        const ScenarioText& input);

}  // namespace moesim::analysis
