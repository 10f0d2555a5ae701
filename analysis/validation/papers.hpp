#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "analysis/result.hpp"
#include "sim/input.hpp"

namespace moesim::analysis {

/// One published figure replayed: a TOML of tests/papers/PAPER/FIGURE.toml
///
///     scenario = "deepseek-v3-h800-2048"      what is run
///     set      = ["routing.kind=balanced"]    optional, over what the scenario says
///     source   = "arXiv:2505.09343, table 4"
///     [[value]]
///     name      = "overlapped pairs"
///     published = 13.95                       in the unit of the result
///     parts     = ["pair"]                    phases of the step, summed; or
///     result    = "/step/time_s"              a JSON pointer into the result
///     least     = -0.10                       bounds of ours / published - 1
///     most      = 0.10
///
/// returns {paper, source, values: [{name, published, ours, rel_error, least, most, within}]}.
/// Throws sim::InputError.
nlohmann::ordered_json replay_paper(sim::Table table, const std::string& name,
                                    const RunOptions& options);

/// Every figure of tests/papers: {papers: [...], red: number of values beyond their tolerance}.
nlohmann::ordered_json replay_papers(const RunOptions& options, int jobs);

std::string papers_summary(const nlohmann::ordered_json& replayed);

}  // namespace moesim::analysis
