#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/metrics.hpp"
#include "scenarios/scenario.hpp"

namespace moesim::analysis {

/// Wall seconds that a simulation took; no part of a result.
struct WallTimes {
    double lowering_s = 0, engine_s = 0, booking_s = 0;
};

/// One simulated scenario: the timeline with all that was read off it.
struct Simulated {
    scenarios::Scenario scenario;
    scenarios::Lowered lowered;
    sim::Timeline line;
    std::vector<std::vector<MemberTimes>> booked;  // [rank classes][members]
    WallTimes wall;
};

struct RunOptions {
    std::string engine = "simgrid";
    bool fold = true;
};

Simulated simulate(scenarios::Scenario scenario, const RunOptions& options);

/// The result as documented in the README (schema moesim.result/1): SI units, unit in every name.
nlohmann::ordered_json result_json(const Simulated& run, const RunOptions& options);

/// What a sweep keeps of a result: step, memory, the shares of communication, training (null
/// without one) as there, and usd_per_s, the price of the plan's GPUs. No interval: the step is not
/// replayed with other costs.
nlohmann::ordered_json brief_json(const Simulated& run, const RunOptions& options);

/// `variant` beside `base`: step time ratio and what moved, in words, most first.
nlohmann::ordered_json versus(const nlohmann::ordered_json& variant,
                              const nlohmann::ordered_json& base);

/// A result's placement.move in one line: experts, bytes and seconds of a move and of a step.
std::string move_words(const nlohmann::ordered_json& move);

/// The result for a terminal of 80 columns; coloured when standard output is a terminal that wants
/// it (see no-color.org), or as told.
std::string summary(const nlohmann::ordered_json& result);
std::string summary(const nlohmann::ordered_json& result, bool colour);

}  // namespace moesim::analysis
