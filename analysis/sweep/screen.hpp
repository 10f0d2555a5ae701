#pragma once

#include "analysis/result.hpp"

namespace moesim::analysis {

/// What brief_json says of a scenario, from two runs with the replay engine on a few micro-batches
/// per pipeline rank: warm-up and drain are in both, and every further micro-batch takes as long as
/// those between them. Times and their parts are extrapolated in the number of micro-batches,
/// memory is the larger peak. `micro_batches` {all, simulated} tells. Plans with few micro-batches,
/// or whose schedule refuses fewer, are run in full.
nlohmann::ordered_json screen(const scenarios::Scenario& scenario);

}  // namespace moesim::analysis
