#pragma once

#include <string>
#include <vector>

#include "sim/input.hpp"
#include "topologies/cluster_builder.hpp"

namespace moesim::topologies {

/// Which leaves share spines: those of all rails, or those of one rail (a plane).
enum class Spines { shared_by_rails, own_of_each_rail };

/// The port arithmetic of two tiers of equal switches above nodes with one NIC per GPU, GPU i of
/// every host on rail i. A host is a node, or a tray of a rack-scale node when `rails` is less than
/// the GPUs of a node (an NVL72 rack of 72 GPUs on 4 rails has 18 hosts).
///
///   leaves of a rail = ceil(hosts / nodes_per_leaf), filled in host order
///   uplinks of a leaf: as many as the fullest leaf has hosts (1:1), at most the ports left
///   spines of a tree: the fewest that divide the uplinks of a leaf evenly and have a port for each
///
/// Keys: nodes, gpus_per_node, nvlink, nvlink_hop (GPU to NVSwitch), nic, nic_hop (GPU to leaf),
/// hop (leaf to spine), radix (ports of a switch), and, derived when absent, rails (gpus_per_node),
/// nodes_per_leaf (hosts; radix / 2), leaves (of one rail), uplinks (of one leaf), spines (of one
/// tree). One leaf alone has no spine. Every cable of the fabric runs at the rate `nic`, as ports
/// of one kind of switch do.
struct LeafSpine {
    LeafSpine(sim::Table& in, Spines sharing);

    int nodes, gpus_per_node, rails, hosts;
    Cable nvlink, nic, uplink;  // uplink.cables: from one leaf to one spine
    int nodes_per_leaf, leaves;
    int spines = 0;  // of one tree

    /// Adds all nodes. Returns the GPUs' vertices, [nodes, gpus_per_node].
    [[nodiscard]] std::vector<std::vector<Vertex>> add_nodes(Cluster::Builder& cluster) const;
    /// Adds the leaves of one rail, "leaf-RAIL.0" onwards, and joins GPU `rail` of every host to
    /// its own.
    [[nodiscard]] std::vector<Vertex> add_leaves(
        Cluster::Builder& cluster, int rail, const std::vector<std::vector<Vertex>>& gpus) const;
    /// Adds the spines of one tree, named PREFIX0 onwards, each joined to every leaf.
    void add_spines(Cluster::Builder& cluster, const std::string& prefix,
                    const std::vector<Vertex>& below) const;

private:
    void place_nodes(sim::Table& in, int radix);
    void derive_spines(sim::Table& in, int radix, int below);
};

}  // namespace moesim::topologies
