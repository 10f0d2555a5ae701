#include "topologies/fabrics/leaf_spine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "topologies/fabrics/parts.hpp"

namespace moesim::topologies {

LeafSpine::LeafSpine(sim::Table& in, Spines sharing)
    : nodes{read_count(in, "nodes", 1, kMostGpus)},
      gpus_per_node{read_count(in, "gpus_per_node", 1, kMostPorts)},
      rails{read_rails(in, gpus_per_node)},
      hosts{0},
      nvlink{read_cable(in, "nvlink", "nvlink_hop")},
      nic{read_cable(in, "nic", "nic_hop")},
      uplink{read_cable(in, "nic", "hop")} {
    if (nodes > kMostGpus / gpus_per_node)
        in.fail("nodes", fmt::format("{} nodes of {} GPUs are more than {} GPUs", nodes,
                                     gpus_per_node, kMostGpus));
    hosts = nodes * (gpus_per_node / rails);
    const int radix = read_count(in, "radix", 2, kMostPorts);
    place_nodes(in, radix);
    derive_spines(in, radix, sharing == Spines::shared_by_rails ? leaves * rails : leaves);
}

void LeafSpine::place_nodes(sim::Table& in, int radix) {
    nodes_per_leaf = read_count(in, "nodes_per_leaf", 1, radix, radix / 2);
    const int needed = (hosts + nodes_per_leaf - 1) / nodes_per_leaf;
    leaves = read_count(in, "leaves", 1, hosts, needed);
    if (leaves < needed)
        in.fail("leaves",
                fmt::format("{} leaves of {} nodes cannot hold {} nodes", leaves, nodes_per_leaf,
                            hosts),
                fmt::format("at least {}, or more `nodes_per_leaf`", needed));
    if (in.has("leaves")) nodes_per_leaf = (hosts + leaves - 1) / leaves;
}

void LeafSpine::derive_spines(sim::Table& in, int radix, int below) {
    if (below == 1) {
        for (const std::string_view key : {"uplinks", "spines"})
            if (in.has(key)) in.fail(key, "one leaf reaches every node, so nothing is above it");
        return;
    }
    const int left = radix - nodes_per_leaf;
    if (left == 0)
        in.fail("nodes_per_leaf", "no port of a leaf is left for its spines",
                fmt::format("fewer than the {} ports of `radix`", radix));
    const int uplinks = read_count(in, "uplinks", 1, left, std::min({hosts, nodes_per_leaf, left}));
    if (below > radix)
        in.fail("nodes",
                fmt::format("{} leaves, but a spine of two tiers has only {} ports", below, radix),
                "raise `radix` or `nodes_per_leaf`");
    const auto fits = [&](int count) {
        return uplinks % count == 0 && below * (uplinks / count) <= radix;
    };
    int fewest = 1;
    while (!fits(fewest)) ++fewest;  // one spine per uplink fits
    spines = read_count(in, "spines", 1, uplinks, fewest);
    if (!fits(spines))
        in.fail("spines",
                fmt::format("{} leaves with {} uplinks each cannot be spread evenly over {} spines "
                            "of {} ports",
                            below, uplinks, spines, radix),
                fmt::format("{} would do", fewest));
    uplink.cables = uplinks / spines;
}

std::vector<std::vector<Vertex>> LeafSpine::add_nodes(Cluster::Builder& cluster) const {
    std::vector<std::vector<Vertex>> gpus;
    cluster.set_gpus_per_host(rails);
    for (int n = 0; n < nodes; ++n) gpus.push_back(add_node(cluster, n, gpus_per_node, nvlink));
    return gpus;
}

std::vector<Vertex> LeafSpine::add_leaves(Cluster::Builder& cluster, int rail,
                                          const std::vector<std::vector<Vertex>>& gpus) const {
    std::vector<Vertex> out;
    for (int l = 0; l < leaves; ++l)
        out.push_back(cluster.add_switch(fmt::format("leaf-{}.{}", rail, l)));
    int host = 0;
    for (const std::vector<Vertex>& node : gpus)
        for (auto at = static_cast<std::size_t>(rail); at < node.size();
             at += static_cast<std::size_t>(rails), ++host)
            cluster.connect(node[at], out[static_cast<std::size_t>(host / nodes_per_leaf)], "nic",
                            nic);
    return out;
}

void LeafSpine::add_spines(Cluster::Builder& cluster, const std::string& prefix,
                           const std::vector<Vertex>& below) const {
    for (int s = 0; s < spines; ++s) {
        const Vertex spine = cluster.add_switch(fmt::format("{}{}", prefix, s));
        for (const Vertex leaf : below) cluster.connect(leaf, spine, "leaf-spine", uplink);
    }
}

}  // namespace moesim::topologies
