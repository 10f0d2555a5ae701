#pragma once

#include <boost/graph/compressed_sparse_row_graph.hpp>
#include <boost/range/iterator_range.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "topologies/approach.hpp"
#include "topologies/cluster_builder.hpp"

namespace moesim::topologies {

struct LinkIndex {
    std::uint32_t link = 0;  // into Cluster::links()
};

using Graph =
    boost::compressed_sparse_row_graph<boost::bidirectionalS, boost::no_property, LinkIndex,
                                       boost::no_property, Vertex, std::uint32_t>;

/// What a Cluster shares between its copies; constant once built, but for the cached approaches.
/// The only place where Boost.Graph types appear; included by topologies/*.cpp and nothing else.
struct Cluster::Impl {
    struct Ports {
        int nvlink_out = -1, nvlink_in = -1, nic_out = -1, nic_in = -1;  // links, -1: none
    };

    /// What is stated and only reported.
    struct Given {
        double network_usd = 0, usd_per_endpoint = 0, power_w = 0;  // 0: not given
        double core_oversubscription = 0;  // of ports that leave for a core outside of this file
        int core_ports = 0;                // per spine
    };

    std::string name;
    std::vector<Device> devices;   // the first one is that of most GPUs
    std::vector<int> device_of;    // [gpus] into devices
    std::vector<double> speed_of;  // [gpus]
    std::vector<int> hardware_of;  // [gpus]
    bool is_uniform = true;
    Ecmp ecmp = Ecmp::spread;
    std::uint64_t ecmp_seed = 0;
    int ecmp_paths = 1;  // ways that one pair of GPUs takes under hashing
    Given given;
    nlohmann::ordered_json resolved;

    std::vector<Place> places;        // [vertices]
    std::vector<int> nodes;           // [vertices] -1 outside of nodes
    std::vector<std::string> labels;  // [vertices]
    std::vector<Vertex> gpus;         // [gpus] vertex of each
    std::vector<int> gpu_of;          // [vertices] -1 for what is no GPU
    std::vector<Ports> ports;         // [gpus]
    std::vector<PhysicalLink> links;
    std::vector<Leg> legs;  // [links]
    int node_count = 0;
    int gpus_per_host = 0;  // 0: those of a node
    int switch_chips = 1;   // that one NVSwitch vertex stands for
    Graph graph;

    mutable Approaches approaches;

    [[nodiscard]] Vertex vertex_of(int gpu) const { return gpus[static_cast<std::size_t>(gpu)]; }
    [[nodiscard]] int node_of(int gpu) const { return nodes[vertex_of(gpu)]; }
    [[nodiscard]] bool is_gpu(Vertex v) const { return places[v] == Place::gpu; }
    /// A GPU's own router or NIC, the way to which is no hop.
    [[nodiscard]] bool on_chip(Vertex v) const {
        return places[v] == Place::router || places[v] == Place::nic;
    }
};

/// Cluster::loads under a rule of choice among equally short ways.
std::vector<LinkLoad> loads_of(const Cluster::Impl& cluster, std::span<const Flow> flows,
                               Ecmp ecmp);

}  // namespace moesim::topologies
