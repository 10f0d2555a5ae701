#pragma once

#include <string>
#include <utility>
#include <vector>

#include "analysis/report.hpp"
#include "analysis/report/charts.hpp"

namespace moesim::analysis {

/// What every section is given. Each returns HTML, empty when it has nothing to say.
struct View {
    const Simulated& run;
    const nlohmann::ordered_json& result;
    const ScenarioText& input;

    [[nodiscard]] double step_time() const { return run.line.makespan; }
    /// Time on charts and in tables: milliseconds for steps of less than two seconds.
    [[nodiscard]] Axis time_axis() const;
    [[nodiscard]] std::string time_text(double seconds) const;
    [[nodiscard]] std::string time_unit() const;
};

std::string headline_section(const View& view);
std::string variants_section(const View& view);
std::string breakdown_section(const View& view);
std::string phases_section(const View& view);
std::string timeline_section(const View& view);
std::string communication_section(const View& view);
std::string topology_section(const View& view);
std::string dominates_section(const View& view);
std::string load_section(const View& view);
std::string memory_section(const View& view);
std::string kernels_section(const View& view);
std::string ops_section(const View& view);
std::string inputs_section(const View& view);
std::string provenance_section(const View& view);

/// The style sheet: one class "c-..." per part, phase, unit, kind, memory class and evidence.
std::string style_sheet();

/// A result's breakdown or phases as segments of a bar, and the keys to their colours.
std::vector<Segment> segments_of(const nlohmann::ordered_json& parts);
/// "exposed_ep" -> "exposed ep".
std::string spoken(std::string_view key);
/// "exposed_ep" -> "c-exposed-ep".
std::string colour_class(std::string_view key);

/// Every leaf of a JSON object with its dotted key; arrays are leaves.
std::vector<std::pair<std::string, nlohmann::ordered_json>> flattened(
    const nlohmann::ordered_json& object);
/// A leaf for reading: text bare, large whole numbers with separators.
std::string leaf_text(const nlohmann::ordered_json& leaf);

}  // namespace moesim::analysis
