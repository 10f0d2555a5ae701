#pragma once

#include "analysis/sweep/points.hpp"

namespace moesim::analysis {

/// What a search for a plan goes through.
struct SearchSpace {
    int gpus = 0;
    std::vector<SweepAxis> axes;      // all but the recomputation
    std::vector<std::string> ladder;  // of step.recompute, cheapest first
};

/// The plans that a model and a cluster allow, before any is simulated. `given` replaces the values
/// of a key, or adds a key. By default:
///
///     parallel.tensor         powers of two that divide the heads, within a scale-up domain, up to
///     8 parallel.context        1; from 16,384 tokens on powers of two that leave 4,096 per rank
///     parallel.pipeline       powers of two up to the layers and 64
///     parallel.virtual        1, 2, 4, 8
///     parallel.expert         powers of two that divide the experts
///     parallel.expert_tensor  1; 1, 2, 4, 8 with at most 16 experts
///     batch.micro             1, 2, 4
///     step.recompute          nothing; layer norms, activations and up-projections; all of the
///                             feed-forward too; everything
///
/// The schedule is 1F1B, interleaved with more than one stage per rank. Throws sim::InputError.
SearchSpace search_space(const sim::Table& scenario, const std::vector<SweepAxis>& given);

/// Combinations of the space that pass the rules of the grid and the conditions; each with the
/// schedule and data = what is left. considered: combinations before the rules.
std::vector<Assignments> candidates(const sim::Table& scenario, const SearchSpace& space,
                                    const std::vector<Condition>& where, std::uint64_t seed,
                                    std::size_t& considered);

}  // namespace moesim::analysis
