#pragma once

#include <string>
#include <vector>

#include "topologies/cluster.hpp"

namespace moesim::analysis {

/// What stands at one distance of the GPUs: all GPUs, all NICs, all switches of one name.
struct Tier {
    std::string name;  // "GPU", "NIC", "NVSwitch", "router", "leaf", "spine", ...
    double count = 0;
};

/// All cables of one class between two tiers (or within one).
struct TierEdge {
    std::size_t from, to;  // index into the tiers, from <= to
    std::string cls;
    double cables = 0;                // both directions one
    double capacity_bytes_per_s = 0;  // of one cable, one way: the least there is
    double latency_s = 0;             // the least there is
};

struct Tiers {
    std::vector<Tier> tiers;  // scale-up fabric, GPUs, then by distance from them
    std::vector<TierEdge> edges;
};

/// A cluster's graph with equal things as one.
Tiers tiers_of(const topologies::Cluster& cluster);

/// The tiers in a row with what joins them.
///     [NVSwitch]--nvlink--[GPU]--nic--[NIC]--nic-leaf--[leaf]--leaf-spine--[spine]
std::string tiers_svg(const Tiers& tiers, int gpus_per_node);

}  // namespace moesim::analysis
