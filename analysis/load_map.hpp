#pragma once

#include <optional>
#include <vector>

#include "analysis/result.hpp"

namespace moesim::analysis {

/// Who is how full, and who sends to whom, in the expert-parallel group that the run simulates.
struct LoadMap {
    std::vector<std::vector<double>> rows;  // [MoE layers][ranks] routed rows over the layer's mean
    std::vector<double> copies;  // [from * ranks + to] token copies of a mean dispatch, all phases
    std::size_t ranks = 0;       // of `copies`: expert ranks, without their expert-tensor shards
    int micro_batches = 0;       // of how many the means are
};

/// The same draws as the run's, for evenly spaced micro-batches (as many as take a moment, at most
/// 16) of the first replica. Empty for a model without experts and for groups of one.
std::optional<LoadMap> load_map(const Simulated& run);

}  // namespace moesim::analysis
