#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/input.hpp"
#include "topologies/device.hpp"

namespace moesim::topologies {

/// What stands at a vertex of the cluster graph. A router belongs to one GPU, which it joins with
/// its peers (a torus, a mesh); a NIC belongs to one, too. The way between a GPU and its own router
/// or NIC is no hop.
enum class Place : std::uint8_t { gpu, nic, nvswitch, switch_, router };

/// A directed link of the built cluster. `cls` is what reports group by:
/// "nvlink" (GPU <-> NVSwitch, peer or own router), "mesh", "torus" and "scale-up" (between routers
/// or scale-up switches), "nic" (GPU <-> its NIC or first switch), "nic-leaf" (NIC <-> leaf),
/// "leaf-spine", "spine-core", "local" and "global" (dragonfly), "pcie".
struct PhysicalLink {
    std::uint32_t from, to;  // vertices
    std::string cls;
    BytesPerSecond capacity;  // nominal, of all its cables together
    Seconds latency;
    int cables = 1;  // equal ones side by side that this link stands for; 0: all of them failed
};

/// One step of a route: the share of the traffic from a to b that this link carries (ECMP
/// spreading).
struct RouteShare {
    std::uint32_t link;  // index into Cluster::links()
    double share;        // (0, 1]
};

/// What one GPU sends to another.
struct Flow {
    int from, to;
    double bytes;
};

/// What passes one link.
struct LinkLoad {
    std::uint32_t link;  // index into Cluster::links()
    double bytes;        // more than zero
};

/// How traffic takes one of several equally short ways: equal parts on all of them (packet
/// spraying, adaptive routing), or one way per flow by a hash of its ends (plain ECMP; flows
/// collide).
enum class Ecmp : std::uint8_t { spread, hash };

/// A built cluster: GPUs, NICs, switches and directed links as a Boost.Graph (kept inside).
///
/// GPUs are numbered 0 .. gpus()-1, node by node; GPU g is number g % gpus_per_node() of its node.
/// Routes are shortest by hop count with equal splitting at every tie (or one way by hash): over
/// NVLink inside a node, else over the scale-out fabric. A GPU relays for another of its node (PXN)
/// only where no route without a relay exists. What failed (`[faults]`) is not there. Not for use
/// by several threads at a time: what routes need is cached.
class Cluster {
public:
    class Builder;
    struct Impl;

    [[nodiscard]] const std::string& name() const;
    [[nodiscard]] int gpus() const;
    [[nodiscard]] int nodes() const;
    [[nodiscard]] int gpus_per_node() const;
    /// Servers: nodes, or what several of make one scale-up domain (the trays of an NVL72 rack).
    [[nodiscard]] int hosts() const;
    [[nodiscard]] int node_of(int gpu) const;    // scale-up domain
    [[nodiscard]] const Device& device() const;  // the one of most GPUs
    [[nodiscard]] const Device& device(int gpu) const;
    /// Compute rate of a GPU over that of its device: 1, less where [faults] say that it is slow.
    [[nodiscard]] double speed(int gpu) const;
    /// Whether all GPUs are alike: one device, no slow one, no failed or thinned port.
    [[nodiscard]] bool uniform() const;
    /// Equal for GPUs of equal device, speed and port rates; 0 for the first kind.
    [[nodiscard]] int hardware(int gpu) const;
    [[nodiscard]] Ecmp ecmp() const;
    [[nodiscard]] const std::vector<PhysicalLink>& links() const;
    /// Links from a to b with their shares, none before one that leads to it; empty when a == b.
    /// Every set of links that cuts a from b once carries 1 in all. Throws sim::InputError when the
    /// graph does not connect them.
    [[nodiscard]] std::vector<RouteShare> route(int a, int b) const;
    /// Bytes on every link that the flows load, in link order; what a route says, summed up, but at
    /// the price of one search per receiver. Flows from a GPU to itself load nothing.
    [[nodiscard]] std::vector<LinkLoad> loads(std::span<const Flow> flows) const;
    /// Links that a route from a to b crosses one after another; 0 when a == b.
    [[nodiscard]] int hops(int a, int b) const;
    /// Sum of the latencies along a route (the mean of them over its tied paths).
    [[nodiscard]] Seconds latency(int a, int b) const;
    /// The directed port of a GPU into the scale-up fabric / its NIC; -1 when it has none. Where
    /// its NIC failed, that of the peer in its node which relays.
    [[nodiscard]] int nvlink_out(int gpu) const;
    [[nodiscard]] int nvlink_in(int gpu) const;
    [[nodiscard]] int nic_out(int gpu) const;
    [[nodiscard]] int nic_in(int gpu) const;

    [[nodiscard]] const std::string& label(std::uint32_t vertex) const;  // "gpu-7", "leaf-0.3"
    [[nodiscard]] Place place(std::uint32_t vertex) const;

    /// The switches of one name before the first '-' ("leaf", "spine", "core", "switch").
    struct Tier {
        std::string name;
        int switches = 0;
        double down = 0, up = 0;  // cables of one switch (mean), to earlier and to later tiers
        double oversubscription;  // rates below over rates above, 0 when there is nothing above
    };
    /// Counts for `moesim topology`: servers as nodes, switches outside nodes, NVSwitches (one
    /// vertex per scale-up switch stage of a node), scale-out cables (both directions one);
    /// bisection of the GPUs in numbering order, one direction; longest shortest path between GPUs
    /// in hops. Distances are of all pairs up to 512 GPUs, beyond of a deterministic sample.
    struct Summary {
        int gpus, nodes, domains, switches, nvswitches, nvswitch_chips, links;
        double bisection_bytes_per_s;
        int diameter_hops;
        double latency_min_s, latency_median_s, latency_max_s;
        std::vector<std::pair<int, double>> hops;          // hops and share of the pairs
        std::vector<std::pair<double, double>> latencies;  // seconds and share of the pairs
        std::vector<Tier> tiers;
        std::vector<std::pair<std::string, int>> cables;  // by class of link
        /// The hottest link between switches over their mean, when every GPU sends to the one half
        /// a cluster away: 1 under spreading on a regular fabric, more where hashed flows collide.
        double collision;
        double network_usd, usd_per_endpoint, network_power_w;  // 0: not given
    };
    [[nodiscard]] Summary summary() const;
    [[nodiscard]] std::string dot() const;  // Graphviz

    [[nodiscard]] const nlohmann::ordered_json& resolved() const;
    [[nodiscard]] const Impl& impl() const { return *impl_; }  // for topologies/*.cpp

private:
    friend class Builder;
    std::shared_ptr<Impl> impl_;
};

/// Reads topologies/clusters/NAME.toml (or a path) and builds it. Throws sim::InputError.
Cluster load_cluster(const std::string& name);

/// The cluster that stands at `key` of a scenario: a name or path, or a table of `name` and keys
/// that replace those of the file: { name = "dgx-b200", nodes = 64 }; with the faults of the
/// scenario's table `faults`, where it has one. Throws sim::InputError.
Cluster load_cluster(sim::Table& in, std::string_view key);

/// The cluster that a table describes (kind, device, the kind's keys). Throws sim::InputError.
Cluster build_cluster(sim::Table& in, const std::string& name);

}  // namespace moesim::topologies
