#pragma once

#include <vector>

#include "scenarios/placements/swaps.hpp"

namespace moesim::scenarios {

/// Layers one after another, tied by the transitions of tokens from experts of one to experts of
/// the next. The input must outlive it.
class Chain {
public:
    using GpuOf = std::vector<std::vector<int>>;  // [layers][experts]

    Chain(const PlacementInput& input, double tolerance, double across);

    /// Sum over transitions of (times taken) x (how far apart).
    [[nodiscard]] double cost(const GpuOf& gpu) const;
    /// Placement pairs that exact() compares, times experts.
    [[nodiscard]] double exact_steps() const;
    /// The cheapest placement: layer by layer, the cheapest way to end in each placement of the
    /// layer.
    [[nodiscard]] GpuOf exact() const;
    /// A placement that no trade of two experts in a layer and no exchange of whole GPUs in a layer
    /// makes cheaper. Then, `rounds` times for each layer, a few neighbouring layers are shaken and
    /// settled again, which is kept when it is cheaper.
    [[nodiscard]] GpuOf search(int rounds) const;

private:
    using Layouts = std::vector<Layout>;

    [[nodiscard]] int layers() const { return static_cast<int>(in_.weight.size()); }
    [[nodiscard]] const std::vector<double>& weight(int layer) const;
    [[nodiscard]] const Ties& after(int layer) const;
    /// What the neighbours below and (when `both`) above draw each expert of the layer to.
    [[nodiscard]] Pull pull(const Layouts& at, int layer, bool both) const;
    /// The saving of the best whole exchange and of trades in one layer.
    double settle(Layouts& at, int layer, bool both) const;
    /// Settles layers first to last, up and down, until that saves nothing.
    void sweep(Layouts& at, int first, int last) const;
    void shake_some(Layouts& best, int round) const;
    [[nodiscard]] Layouts balanced_start() const;
    [[nodiscard]] Layouts grown_start() const;
    [[nodiscard]] double cost(const std::vector<int>& below, const std::vector<int>& above,
                              int layer) const;
    /// Cost of all transitions into, between and out of layers first to last.
    [[nodiscard]] double cost(const Layouts& at, int first, int last) const;

    const PlacementInput& in_;
    double tolerance_;
    Apart apart_;
};

}  // namespace moesim::scenarios
