#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "analysis/result.hpp"
#include "sim/input.hpp"

namespace moesim::analysis {

/// One claim that is going round, judged: a TOML of scenarios/claims/. It is a scenario with
/// variants (or none, where the claim is about models alone) and
///
///     [claim]
///     id     = "C2"
///     says   = "COMET makes one MoE layer 1.96 times as fast"
///     source = "arXiv:2502.19811, abstract"
///     doubt  = "..."                       optional: what is wrong or unclear about the number
///     why    = "..."                       instead of figures: why it cannot be checked
///     [claim.models]
///     dense = "llama2-70b-dense"           names for figures
///     [[claim.figure]]
///     when   = "kernels of tiles"          the conditions
///     value  = "base.step.time_s / tiles.step.time_s"
///     stated = 1.96
///     least  = 1.7                         the claim holds where value is within [least, most];
///     most   = 2.2                         one of them may be left out
///     why    = "..."                       optional: why these bounds
///
/// Names in `value`: base (the scenario) and its variants by their names, behind each the keys of a
/// result (base.step.time_s) or op and its name (base.op.ffn_forward: seconds of one member); a
/// model's name with parameters, active, forward_flops, training_flops
/// (causal, per token, 4,096 tokens) and layers.
///
/// returns {id, says, source, doubt, figures: [{when, stated, simulated, least, most, holds}],
/// verdict, reason}. verdict: "holds" (every figure), "holds under conditions" (some), "does not
/// hold" (none), "cannot be checked" (no figures). Throws sim::InputError.
nlohmann::ordered_json judge_claim(sim::Table table, const RunOptions& options);

/// All claims in the order of their numbers: {schema, claims: [...], verdicts: {verdict: count}}.
nlohmann::ordered_json judge_claims(const RunOptions& options, int jobs);

std::string claims_summary(const nlohmann::ordered_json& judged);

}  // namespace moesim::analysis
