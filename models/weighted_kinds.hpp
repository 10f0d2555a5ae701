#pragma once

#include <cstdint>
#include <vector>

#include "models/routing.hpp"

namespace moesim::models {

/// A routing with load vectors at hand: every sequence draws its kind by weight, from the seed, the
/// micro-batch and the source alone; counts scatter around the shares. Kinds of routing fill
/// weights_ (summing to 1) and layers_.
class WeightedKinds : public Routing {
public:
    explicit WeightedKinds(std::uint64_t seed) : seed_{seed} {}
    [[nodiscard]] int kinds() const override { return static_cast<int>(weights_.size()); }
    [[nodiscard]] std::vector<int> kind_of_source(int micro_batch, int sources) const override;
    [[nodiscard]] const LayerShares& layer(int moe_layer) const override {
        return layers_.at(static_cast<std::size_t>(moe_layer));
    }
    [[nodiscard]] bool sampled() const override { return true; }

protected:
    std::uint64_t seed_;
    std::vector<double> weights_;      // [kinds]
    std::vector<LayerShares> layers_;  // [MoE layers]
};

}  // namespace moesim::models
