#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "models/routing.hpp"

namespace moesim::models {

/// How many experts a token takes when that follows from how undecided its gate is:
/// k = min(max, max(min, ceil(alpha H))), H the entropy of its gate values.
struct DynamicK {
    int min = 1;
    int max = 1;
    double alpha = 1;
    bool bits = true;  // H to base 2, else e
    double noise = 1;  // spread of a token's gate logits around its kind's, see mean_top_k()

    [[nodiscard]] int choices(const std::vector<double>& gate) const;
};

/// Mean of choices() over seeded tokens of a kind.
///
/// A token's gate is softmax(ln share_e + noise g_e), g_e from the Gumbel distribution: with noise
/// 1 the expert that comes first does so as often as its share says. Assumed, since loads do not
/// say how decided a single token is; noise 0 takes every gate to be the kind's own load vector.
double mean_top_k(const DynamicK& rule, const std::vector<double>& share, std::uint64_t seed);

/// Most rows of an expert from one source rank and micro-batch of `tokens` tokens.
struct Capacity {
    std::optional<double> factor;    // ceil(tokens top_k / experts x factor)
    std::optional<double> fraction;  // ceil(tokens x fraction): of the batch, whatever top_k is

    [[nodiscard]] bool given() const { return factor || fraction; }
    [[nodiscard]] double rows(double tokens, double top_k, int experts) const;
};

/// Expected min(X, capacity) for X choices out of `tokens` that fall on an expert with mean `mean`:
/// binomial, taken as normal; not scattered when `sampled` is false.
double expected_kept(double mean, double tokens, double capacity, bool sampled);

/// Share of the router weight that goes with the lightest `dropped_share` of assignments.
///
/// Weights are those of seeded tokens, the k largest of `experts` gates softmax(noise g_e), g_e
/// from the Gumbel distribution as for mean_top_k(), noise 1, scaled to sum 1 over the k. Assumed,
/// since loads do not say how decided a token is.
class WeightCurve {
public:
    WeightCurve(int experts, int top_k, std::uint64_t seed);
    [[nodiscard]] double lost(double dropped_share) const;

private:
    std::vector<double> sum_;  // [choices + 1] of the lightest ones, over the sum of all
};

/// `base` with what these keys of a [routing] table ask for, or `base` itself when there is none:
///
///     capacity_factor   = 1.25              # per source rank: ceil(T k / E x factor)
///     capacity_fraction = 0.25              # per source rank: ceil(T x fraction); not both
///     drop              = "probs"           # or "position": which of an expert's tokens go,
///                                           # those of least router weight or the last ones
///     capacity_scope    = "rank"            # or "group": one capacity for the tokens of all
///                                           # ranks of an expert-parallel group, in rank order
///     pad_to_capacity   = true              # every expert computes exactly its capacity
///     router            = "expert_choice"   # or "token_choice": experts choose tokens, each
///     exactly
///                                           # its capacity (factor 1 unless given), none dropped;
///                                           # the model's own way when absent
///     dynamic_k         = { min = 1, max = 8, alpha = 1.0, log = "2", noise = 1.0 }   # or "e"
///
/// What `drop` changes. The number of dropped assignments per expert is the same. "position" takes
/// them all from the last tokens, which then lose several experts at once, so that the tokens that
/// remain touch fewer GPUs and nodes; with capacity_scope = "group" the last *ranks* lose theirs,
/// while "probs" takes from every rank alike. "probs" costs less router weight: see
/// WeightCurve. What it does not change: rows per expert; anything at all of padded
/// exchanges, which send their capacity always.
///
/// layer() of the result is still what the router chooses (uniform under expert choice), assigned()
/// what capacity leaves of it. With dynamic k, T k stands for the mean number of choices.
/// Sources: Megatron-LM, moe_utils.py (capacity, policies, padding); arXiv:2202.09368 (expert
/// choice). Throws sim::InputError.
std::unique_ptr<Routing> modified(sim::Table& in, const RoutingShape& shape,
                                  std::unique_ptr<Routing> base);

}  // namespace moesim::models
