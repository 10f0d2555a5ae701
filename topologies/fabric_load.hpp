#pragma once

#include <span>
#include <string>
#include <vector>

#include "topologies/cluster.hpp"

namespace moesim::topologies {

/// The busiest link of one class while groups exchange.
struct ClassLoad {
    std::string cls;
    std::uint32_t link;  // the slowest of the class
    double bytes;        // on it
    double seconds;      // bytes / nominal rate
    double total_bytes;  // on all links of the class
    int links;           // of the class that carry anything
};

/// What exchanges put on the fabric when all groups run theirs at the same time.
struct FabricLoad {
    std::vector<ClassLoad> classes;  // by name
    /// Seconds of the busiest scale-up port for bytes that another node gets or sends: what a GPU
    /// passes on for a peer (PXN) because no NIC of its own leads there. They come before or after
    /// the seconds on the NIC where a relay stores and forwards.
    double relayed_seconds = 0;

    /// Seconds of the slowest link that is no GPU's own port ("nvlink" and "nic" are), 0 when none
    /// is loaded.
    [[nodiscard]] double inner_seconds() const;
    [[nodiscard]] double port_seconds() const;
    /// How much longer than the ports alone the whole takes, at least 1. 1 on a fabric that is
    /// nowhere narrower than its ports.
    [[nodiscard]] double slowdown() const;
    [[nodiscard]] const ClassLoad* find(const std::string& cls) const;
};

/// How the bytes of a group's exchange travel.
enum class Pattern {
    direct,     // from every GPU to every other one
    same_rail,  // across nodes only to the GPU of the own number there (DeepEP), which forwards
    ring        // in rings: to the next GPU, across nodes to the one of its number in the next node
};

/// Flows of one exchange of a group (GPU numbers, in rank order) in which every GPU sends `bytes`
/// in all: equally much to each other member (direct); to the members of its own number in other
/// nodes and, for the members inside, over the scale-up fabric (same_rail; a member whose number
/// the node there lacks gets it directly); or to the next (ring: NCCL's rings are as many as NICs,
/// each leaves a node by another one, so that in a group over several nodes every GPU sends to its
/// like in the next node; where nodes hold unequally many, to the next GPU).
std::vector<Flow> exchange_flows(const Cluster& cluster, std::span<const int> group, double bytes,
                                 Pattern pattern);

/// The load of flows, class by class.
FabricLoad fabric_load(const Cluster& cluster, std::span<const Flow> flows);

}  // namespace moesim::topologies
