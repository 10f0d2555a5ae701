#include <fmt/format.h>

#include "topologies/fabrics/clos.hpp"
#include "topologies/fabrics/parts.hpp"

namespace moesim::topologies {

void Clos::read_nodes(sim::Table& in) {
    nodes = read_count(in, "nodes", 1, kMostGpus);
    gpus_per_node = read_count(in, "gpus_per_node", 1, kMostPorts);
    if (nodes > kMostGpus / gpus_per_node)
        in.fail("nodes", fmt::format("{} nodes of {} GPUs are more than {} GPUs", nodes,
                                     gpus_per_node, kMostGpus));
    rails = read_rails(in, gpus_per_node);
    hosts = nodes * (gpus_per_node / rails);
    nvlink = read_cable(in, "nvlink", "nvlink_hop");
    nic = read_cable(in, "nic", "nic_hop");
}

void Clos::build(Cluster::Builder& cluster) const {
    cluster.set_gpus_per_host(rails);
    std::vector<Vertex> gpus;
    for (int n = 0; n < nodes; ++n)
        for (const Vertex gpu : add_node(cluster, n, gpus_per_node, nvlink)) gpus.push_back(gpu);
    if (nic_ports == 1) {
        build_plane(cluster, gpus, "");
        return;
    }
    std::vector<Vertex> nics;
    for (std::size_t g = 0; g < gpus.size(); ++g) {
        nics.push_back(cluster.add_nic(static_cast<int>(g) / gpus_per_node));
        cluster.connect(gpus[g], nics.back(), "nic", {nic.rate, Seconds{0}});
    }
    for (int p = 0; p < nic_ports; ++p) build_plane(cluster, nics, fmt::format("{}.", p));
}

/// `ports`: [gpus] the GPU or its NIC, which gets a cable to its leaf of this plane.
void Clos::build_plane(Cluster::Builder& cluster, const std::vector<Vertex>& ports,
                       const std::string& plane) const {
    const int segments = (hosts + hosts_per_leaf - 1) / hosts_per_leaf;
    const int leaves = segments * leaves_per_segment();
    std::vector<Vertex> leaf;
    for (int l = 0; l < leaves; ++l)
        leaf.push_back(cluster.add_switch(fmt::format("leaf-{}{}", plane, l)));
    const Cable port{nic.rate * (1.0 / nic_ports), nic.hop};
    const char* cls = nic_ports == 1 ? "nic" : "nic-leaf";
    for (std::size_t g = 0; g < ports.size(); ++g) {
        const int host = static_cast<int>(g) / rails, rail = static_cast<int>(g) % rails;
        const int l = host / hosts_per_leaf * leaves_per_segment() + rail / rails_per_leaf;
        cluster.connect(ports[g], leaf[static_cast<std::size_t>(l)], cls, port);
    }
    if (spines == 0) return;

    std::vector<Vertex> spine;
    const int per_pod = hosts_per_pod / hosts_per_leaf * leaves_per_segment();
    for (int pod = 0; pod < pods(); ++pod)
        for (int s = 0; s < spines; ++s) {
            spine.push_back(cluster.add_switch(fmt::format("spine-{}{}.{}", plane, pod, s)));
            for (int l = pod * per_pod; l < std::min(leaves, (pod + 1) * per_pod); ++l)
                cluster.connect(leaf[static_cast<std::size_t>(l)], spine.back(), "leaf-spine",
                                leaf_spine);
        }
    const bool grouped = cores % spines == 0;
    for (int c = 0; c < cores; ++c) {
        const Vertex core = cluster.add_switch(fmt::format("core-{}{}", plane, c));
        for (std::size_t s = 0; s < spine.size(); ++s)
            if (!grouped || static_cast<int>(s) % spines == c % spines)
                cluster.connect(spine[s], core, "spine-core", spine_core);
    }
}

}  // namespace moesim::topologies
