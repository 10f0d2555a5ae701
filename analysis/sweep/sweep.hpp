#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/sweep/points.hpp"

namespace moesim::analysis {

/// What a sweep tries, and how.
struct Sweep {
    sim::Table scenario;              // with --set applied
    std::vector<std::string> sets{};  // those, for the journal
    std::vector<SweepAxis> axes{};
    std::vector<Condition> where{};
    std::uint64_t seed = 0;
    std::string engine = "screen";  // of all points, see evaluate()
    int top = 5;                    // the best of them again, with SimGrid
    int jobs = 1;
    std::filesystem::path journal{};  // empty: none
    std::function<void(std::size_t, std::size_t)> progress{};
};

/// {schema, points: [{set, feasible, reason, step, memory, communication, training, engine,
/// screened}] in the order of the axes, excluded, feasible, best, pareto}: a function of the sweep
/// alone, not of jobs, of being interrupted, or of time.
///
/// best    points by seconds per token; those simulated again come first
/// pareto  points that no other beats or equals in seconds per token, USD per token and bytes of
///         memory at once; ascending
nlohmann::ordered_json run_sweep(const Sweep& sweep);

/// The same for points given one by one, and without conditions.
nlohmann::ordered_json run_points(const Sweep& sweep, const std::vector<Assignments>& points);

/// Seconds per token of a feasible point.
double seconds_per_token(const nlohmann::ordered_json& point);

/// For a terminal of 80 columns; a table with all columns (CSV, HTML).
std::string sweep_summary(const nlohmann::ordered_json& result);
std::string sweep_csv(const nlohmann::ordered_json& result);
std::string sweep_html(const nlohmann::ordered_json& result, const std::string& title);

}  // namespace moesim::analysis
