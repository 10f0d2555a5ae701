#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/input.hpp"
#include "topologies/device.hpp"

namespace moesim::topologies {

/// What stands at a vertex of the cluster graph.
enum class Place : std::uint8_t { gpu, nic, nvswitch, switch_ };

/// A directed link of the built cluster. `cls` is what reports group by:
/// "nvlink" (GPU <-> NVSwitch or peer), "nic" (GPU <-> its NIC <-> first switch), "leaf-spine",
/// "spine-core".
struct PhysicalLink {
    std::uint32_t from, to;  // vertices
    std::string cls;
    BytesPerSecond capacity;  // nominal, of all its cables together
    Seconds latency;
    int cables = 1;  // equal ones side by side that this link stands for
};

/// One step of a route: the share of the traffic from a to b that this link carries (ECMP
/// spreading).
struct RouteShare {
    std::uint32_t link;  // index into Cluster::links()
    double share;        // (0, 1]
};

/// A built cluster: GPUs, NICs, switches and directed links as a Boost.Graph (kept inside).
///
/// GPUs are numbered 0 .. gpus()-1, node by node; GPU g is number g % gpus_per_node() of its node.
/// Routes are shortest by hop count with equal splitting at every tie: over NVLink inside a node,
/// else over the scale-out fabric. A GPU relays for another (PXN) only where no route without a
/// relay exists. Not for use by several threads at a time: what routes need is cached.
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
    [[nodiscard]] int node_of(int gpu) const;  // scale-up domain
    [[nodiscard]] const Device& device() const;
    [[nodiscard]] const std::vector<PhysicalLink>& links() const;
    /// Links from a to b with their shares, none before one that leads to it; empty when a == b.
    /// Every set of links that cuts a from b once carries 1 in all. Throws sim::InputError when the
    /// graph does not connect them.
    [[nodiscard]] std::vector<RouteShare> route(int a, int b) const;
    /// Links that a route from a to b crosses one after another; 0 when a == b.
    [[nodiscard]] int hops(int a, int b) const;
    /// Sum of the latencies along a route (the mean of them over its tied paths).
    [[nodiscard]] Seconds latency(int a, int b) const;
    /// The directed port of a GPU into the scale-up fabric / its NIC; kNone-like -1 when it has
    /// none.
    [[nodiscard]] int nvlink_out(int gpu) const;
    [[nodiscard]] int nvlink_in(int gpu) const;
    [[nodiscard]] int nic_out(int gpu) const;
    [[nodiscard]] int nic_in(int gpu) const;

    [[nodiscard]] const std::string& label(std::uint32_t vertex) const;  // "gpu-7", "leaf-0.3"
    [[nodiscard]] Place place(std::uint32_t vertex) const;

    /// Counts for `moesim topology`: servers as nodes, switches outside nodes, NVSwitches (one
    /// vertex per scale-up switch stage of a node), scale-out cables (both directions one),
    /// bisection of the GPUs in numbering order, one direction; longest shortest path between GPUs
    /// in hops.
    struct Summary {
        int gpus, nodes, domains, switches, nvswitches, nvswitch_chips, links;
        double bisection_bytes_per_s;
        int diameter_hops;
        double latency_min_s, latency_median_s, latency_max_s;
    };
    [[nodiscard]] Summary summary() const;
    [[nodiscard]] std::string dot() const;  // Graphviz

    [[nodiscard]] const nlohmann::ordered_json& resolved() const;

private:
    friend class Builder;
    std::shared_ptr<Impl> impl_;
};

/// Reads topologies/clusters/NAME.toml (or a path) and builds it. Throws sim::InputError.
Cluster load_cluster(const std::string& name);

/// The cluster that stands at `key` of a scenario: a name or path, or a table of `name` and keys
/// that replace those of the file: { name = "dgx-b200", nodes = 64 }. Throws sim::InputError.
Cluster load_cluster(sim::Table& in, std::string_view key);

/// The cluster that a table describes (kind, device, the kind's keys). Throws sim::InputError.
Cluster build_cluster(sim::Table& in, const std::string& name);

}  // namespace moesim::topologies
