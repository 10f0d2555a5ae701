#pragma once

#include <map>
#include <vector>

#include "scenarios/scenario.hpp"

namespace moesim::scenarios {

/// What one MoE layer makes of one micro-batch in one expert-parallel group.
struct ExchangeLoad {
    std::vector<double> rows;     // [members] routed rows that reach a rank's experts
    std::vector<double> unique;   // [members] distinct tokens among them
    topologies::PortLoads ports;  // [members] token copies of the dispatch
    [[nodiscard]] double max_over_mean() const;
};

/// The loads of a run: routing (which experts) x placement (who holds them) x dispatcher (who forwards).
///
/// Sources of one kind share a load vector, so what costs is the number of kinds and layers, not of
/// tokens. A token's chance to touch a set S of experts is 1 - prod(1 - q_e) with q_e = k share_e,
/// scaled so that uniform shares give the expected distinct destinations of models/group_limited.
class Loads {
public:
    Loads(const Scenario& scenario, const std::vector<int>& gpus);

    /// False when every member of every group has the same load.
    [[nodiscard]] bool differ() const { return differ_; }
    [[nodiscard]] ExchangeLoad get(int moe_layer, int micro_batch, int replica,
                                   bool backward) const;
    [[nodiscard]] int members() const { return members_; }
    [[nodiscard]] int experts_per_rank() const { return experts_ / members_; }

private:
    const topologies::Copies& copies(int moe_layer) const;
    void scale_excess(std::vector<double>& values) const;

    const Scenario& scenario_;
    topologies::GroupShape shape_;
    int members_ = 1, experts_ = 0, top_k_ = 0;
    bool differ_ = false;
    std::vector<int> rank_of_expert_, node_of_expert_;  // [experts]
    double node_scale_ = 1, gpu_scale_ = 1;
    mutable std::map<int, topologies::Copies> copies_;  // by MoE layer
};

}  // namespace moesim::scenarios
