#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "topologies/cluster.hpp"

namespace moesim::topologies {

using Vertex = std::uint32_t;

/// What lies between two vertices; `cables` equal ones side by side make one link of their sum.
struct Cable {
    BytesPerSecond rate;  // of one cable, one direction
    Seconds hop;          // one way
    int cables = 1;
};

/// How a fabric says what it is made of. Nodes count from 0 and are filled one after another with
/// equally many GPUs; GPUs are numbered in the order of add_gpu().
class Cluster::Builder {
public:
    Builder(std::string name, Device device);

    Vertex add_gpu(int node);
    /// GPUs of one server where a node (scale-up domain) holds several; one per node by default.
    void set_gpus_per_host(int gpus);
    /// Chips that one NVSwitch vertex stands for; only counted.
    void set_switch_chips(int chips);
    /// A NIC of several ports; where it has one, the NIC is the GPU's port and needs no vertex.
    Vertex add_nic(int node);
    Vertex add_router(int node);
    Vertex add_nvswitch(int node);
    Vertex add_switch(std::string name);
    /// A switch inside a node, of a scale-up fabric of several tiers.
    Vertex add_scale_up_switch(int node, std::string name);
    /// Two links, one per direction. `cls` as in PhysicalLink; "nvlink", "mesh", "torus" and
    /// "scale-up" mean scale-up.
    void connect(Vertex a, Vertex b, const std::string& cls, const Cable& cable);

    /// Ports of every spine that leave for a core outside of what is built; only reported.
    void set_core_ports(int ports, double oversubscription);

    /// What the builder has so far, for whoever takes parts of it away (faults).
    [[nodiscard]] Impl& impl() { return *impl_; }

    /// The cluster; `resolved` is what its file said with every default filled in.
    [[nodiscard]] Cluster finish(const nlohmann::ordered_json& resolved) &&;

private:
    Vertex add(Place place, int node, std::string name);
    void link(Vertex from, Vertex to, const std::string& cls, const Cable& cable);

    std::shared_ptr<Impl> impl_;
};

}  // namespace moesim::topologies
