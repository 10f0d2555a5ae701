#pragma once

#include <array>
#include <map>
#include <vector>

#include "scenarios/builder.hpp"

namespace moesim::scenarios {

/// Gradients that leave and weights that come while forwards and backwards run, on the dp streams.
///
///   grad_reduce   buckets of a stage's gradients, in the order of its last backward
///   param_gather  buckets of updated weights, before the first forward that needs them
///   zero2         as grad_reduce, after every backward
///   fsdp          weights of an item before its forward and again before its backward, one item
///                 ahead; gradients scattered after its backward
///
/// A bucket is at least 40 M parameters, or 1 M for each rank that shares them if that is more; the
/// last one of a stage is what is left, and nothing hides it. Compute is not slowed by what runs
/// here. Source: Megatron-LM core/distributed (bucket sizes); PyTorch FSDP2 (one item ahead).
class WeightTraffic {
public:
    /// passes [pipeline ranks][stages]: backwards (or weight gradients) that a rank has to do.
    WeightTraffic(Builder& b, const std::vector<std::vector<Item>>& stages,
                  std::vector<std::map<int, int>> passes);

    /// Weights that are on their way when the step begins.
    void begin();
    /// A forward (or the last part of a backward) of a stage begins on a group.
    void begin_forward(const Group& g, int stage) { ++forwards_[{index(g), stage}]; }
    void begin_gradients(const Group& g, int stage) { --left_[{index(g), stage}]; }
    /// What the compute of an item waits for: `x`, and its weights.
    Step enter(Group& g, const Item& item, bool backward, Step x);
    /// The weight gradients of an item are done.
    void leave(Group& g, const Item& item, Step done);

private:
    struct Part {
        double shared = 0, routed = 0;
    };
    [[nodiscard]] int index(const Group& g) const {
        return static_cast<int>(&g - b_.groups.data());
    }
    [[nodiscard]] const Part& part(const Item& item) const {
        return parts_[static_cast<std::size_t>(item.stage)][static_cast<std::size_t>(item.index)];
    }
    Step gather(Group& g, Part p, Step after);
    Step scatter(Group& g, Part p, Step after);
    [[nodiscard]] Step fetch(Group& g, const Item& item, bool backward, Step after);

    Builder& b_;
    const std::vector<std::vector<Item>>& stages_;
    std::vector<std::vector<Part>> parts_;         // [stages][items] parameters of a rank
    std::map<std::pair<int, int>, int> forwards_;  // (group, stage) begun so far
    std::map<std::pair<int, int>, int> left_;      // (group, stage) backwards to come
    std::map<std::array<int, 3>, Step> gathered_;  // (group, stage, item) at the step's begin
    std::map<std::array<int, 4>, Step> fetched_;   // (group, stage, item, backward) one ahead
    std::map<std::pair<int, int>, Part> bucket_;   // (group, stage) not yet on its way
    std::map<int, double> held_;                   // [groups] bytes gathered for the last item
};

}  // namespace moesim::scenarios
