#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/result.hpp"
#include "analysis/sweep/axis.hpp"
#include "analysis/sweep/condition.hpp"

namespace moesim::analysis {

/// One combination: "key=value", in the order of the axes.
using Assignments = std::vector<std::string>;

/// Every combination of the axes' values for which all conditions hold, the last axis fastest.
///
/// Names in conditions are keys that are varied, or keys of the scenario with their defaults.
/// excluded  combinations for which some condition does not hold
/// Throws sim::InputError for an unknown name, at its place; and for absurdly many points.
std::vector<Assignments> combinations(const sim::Table& scenario,
                                      const std::vector<SweepAxis>& axes,
                                      const std::vector<Condition>& where, std::uint64_t seed,
                                      std::size_t& excluded);

/// `set` of a point: {key: value}.
nlohmann::ordered_json set_json(const Assignments& point);

/// One point simulated: {feasible, reason, step, memory, communication, training, engine}; step,
/// memory, communication and training as in a result, null where the plan is none. A plan that
/// breaks a rule or does not fit is an answer with a reason; a slip is a sim::InputError.
/// engine: "screen" for replay on a few micro-batches (analysis/sweep/screen.hpp), or an engine.
nlohmann::ordered_json evaluate(const sim::Table& scenario, const Assignments& point,
                                std::uint64_t seed, const std::string& engine);

}  // namespace moesim::analysis
