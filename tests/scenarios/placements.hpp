#pragma once

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/random.hpp"
#include "scenarios/placement.hpp"

namespace moesim::scenarios {

inline std::unique_ptr<PlacementStrategy> strategy(const std::string& name,
                                                   const std::string& toml = "") {
    sim::Table table = sim::Table::from_text(toml, "test.toml");
    auto out = PlacementStrategies::make(name, table);
    table.finish();
    return out;
}

inline PlacementInput loads(std::vector<std::vector<double>> weight, int slots, int groups,
                            int nodes, int gpus) {
    PlacementInput out;
    out.weight = std::move(weight);
    out.slots = slots;
    out.groups = groups;
    out.nodes = nodes;
    out.gpus = gpus;
    return out;
}

inline double largest(const Placement& placement, const PlacementInput& input, int layer = 0) {
    const auto gpus =
        placement.gpu_load(layer, input.weight[static_cast<std::size_t>(layer)], input.gpus);
    return *std::max_element(gpus.begin(), gpus.end());
}

inline double max_over_mean(const Placement& placement, const PlacementInput& input,
                            int layer = 0) {
    double sum = 0;
    for (const double x : input.weight[static_cast<std::size_t>(layer)]) sum += x;
    return largest(placement, input, layer) * input.gpus / sum;
}

/// Whole loads from 0 to 10,000, few of them large: floor(100 / (0.01 + u)).
inline std::vector<double> skewed(models::Random& random, int experts) {
    std::vector<double> out;
    for (int e = 0; e < experts; ++e) out.push_back(std::floor(100 / (0.01 + random.uniform())));
    return out;
}

/// OLMoE-1B-7B-0924, 64 experts, top-8, 208,896 tokens: choices of each expert. Layer 0 on arXiv,
/// layer 7 on GitHub. Source: allenai/OLMoE, commit 357454f,
/// scripts/routing_output/olmoe/expert_counts.
inline const std::vector<double> kArxiv0{
    204013, 19281, 19395, 32186, 38809, 15252, 33964, 22825, 17669, 9092,  13971, 27390, 5475,
    21321,  15299, 21842, 13629, 47071, 18908, 27504, 7180,  35201, 13615, 10046, 17635, 16972,
    18879,  22882, 5808,  37005, 18028, 20460, 25503, 17463, 23593, 15841, 35815, 20106, 24042,
    12945,  65604, 41740, 23936, 22940, 25631, 25972, 22732, 32738, 16440, 23309, 22736, 29853,
    18138,  34480, 48977, 36394, 21597, 13097, 24601, 14312, 24823, 23899, 23081, 10223};
inline const std::vector<double> kGithub7{
    80972, 23417, 157837, 5419,  137198, 13259, 5015,  24212, 3895,  5305,   16939, 5788,  36330,
    16418, 16288, 9778,   10382, 160762, 10089, 5609,  5102,  46848, 11369,  36159, 11842, 7033,
    35205, 51014, 3509,   15750, 26821,  31909, 14926, 22451, 13830, 119878, 9471,  13209, 12357,
    27543, 5959,  8104,   40638, 10803,  807,   75857, 34729, 6578,  38263,  29904, 1767,  331,
    11665, 1364,  7160,   4052,  28419,  2310,  65312, 10394, 3126,  10412,  4359,  7717};

}  // namespace moesim::scenarios
