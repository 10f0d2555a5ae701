#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/input.hpp"
#include "sim/registry.hpp"

namespace moesim::scenarios {

/// What a placement is computed from. Slots are numbered GPU by GPU, GPUs node by node.
struct PlacementInput {
    std::vector<std::vector<double>> weight;  // [layers][experts] load of each logical expert
    int slots = 0;   // physical experts, all GPUs together; a multiple of gpus
    int groups = 1;  // routing groups of consecutive experts
    int nodes = 1;
    int gpus = 1;
    std::uint64_t seed = 0;
    /// [layers][experts][experts] how often two experts are chosen by one token (symmetric,
    /// diagonal unused); empty when not known.
    std::vector<std::vector<std::vector<double>>> together;
    /// [layers - 1][experts][experts] how often a token goes from expert i of layer l to expert j
    /// of layer l + 1; empty when not known.
    std::vector<std::vector<std::vector<double>>> follows;
    std::vector<double> gpu_speed;  // [gpus] relative speed; empty: all alike
    /// Number in the model of each layer, MTP modules after the decoder's layers; empty when the
    /// loads are of no model.
    std::vector<int> layer_number;
    int decoder_layers = 0;  // of the model, dense ones included
};

/// Which logical expert each physical slot holds, per layer.
struct Placement {
    std::vector<std::vector<int>> phy2log;  // [layers][slots]
    std::vector<std::vector<std::vector<int>>>
        log2phy;                           // [layers][experts][replicas], in replica order
    std::vector<std::vector<int>> logcnt;  // [layers][experts]

    /// Derives log2phy and logcnt (replicas in slot order) from phy2log.
    static Placement from_slots(std::vector<std::vector<int>> phy2log, int experts);
    /// Load per GPU when replicas share their expert's load equally. [gpus]
    [[nodiscard]] std::vector<double> gpu_load(int layer, const std::vector<double>& weight,
                                               int gpus) const;
};

/// A way to place experts. Contract: every slot is filled, every expert has at least one slot,
/// every GPU has slots / gpus of them; the same input gives the same placement.
class PlacementStrategy {
public:
    virtual ~PlacementStrategy() = default;
    /// What is wrong with the input for this strategy, as a sentence; empty when it can place.
    [[nodiscard]] virtual std::string refuse(const PlacementInput& input) const = 0;
    [[nodiscard]] virtual Placement place(const PlacementInput& input) const = 0;
    /// Whether it looks at `together` and `follows`, which are large.
    [[nodiscard]] virtual bool looks_at_pairs() const { return false; }
    /// Whether it can use more slots than experts.
    [[nodiscard]] virtual bool replicates() const { return false; }
};
using PlacementStrategies = sim::Registry<PlacementStrategy, sim::Table&>;

/// Throws std::logic_error naming the broken rule of the contract; for tests and given files.
void check(const Placement& placement, const PlacementInput& input);

}  // namespace moesim::scenarios
