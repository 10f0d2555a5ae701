#pragma once

#include <vector>

#include "sim/input.hpp"
#include "topologies/cluster_builder.hpp"

namespace moesim::topologies {

/// The numbers of a fat tree or Clos network of two or three tiers, and how it is built of them.
///
/// A leaf takes `rails_per_leaf` GPUs of each of `hosts_per_leaf` hosts; the leaves of
/// `hosts_per_pod` hosts share `spines` spines (of each plane); spine s of every pod meets the
/// spines s of the others in the cores of group s, where cores divide by spines, else every spine
/// meets every core. A NIC of several ports has one in each plane; planes meet nowhere above it.
struct Clos {
    int nodes = 0, gpus_per_node = 0, rails = 0, hosts = 0;
    Cable nvlink, nic;  // nic: all ports of one NIC together
    int nic_ports = 1;
    int rails_per_leaf = 1, hosts_per_leaf = 0, hosts_per_pod = 0;
    int spines = 0;    // of one pod and plane; 0: leaves alone
    Cable leaf_spine;  // from one leaf to one spine, all cables together
    int cores = 0;     // 0: none
    Cable spine_core;  // from one spine to one core, all cables together

    /// Reads nodes, gpus_per_node, rails, nvlink, nvlink_hop, nic, nic_hop.
    void read_nodes(sim::Table& in);
    [[nodiscard]] int leaves_per_segment() const { return rails / rails_per_leaf; }
    [[nodiscard]] int pods() const { return (hosts + hosts_per_pod - 1) / hosts_per_pod; }
    void build(Cluster::Builder& cluster) const;

private:
    struct Pod {
        std::vector<Vertex> leaves, spines;
    };
    void build_plane(Cluster::Builder& cluster, const std::vector<Vertex>& ports,
                     const std::string& plane) const;
};

}  // namespace moesim::topologies
