#include "topologies/fabrics/clos.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "topologies/fabric.hpp"
#include "topologies/fabrics/parts.hpp"

namespace moesim::topologies {
namespace {

constexpr double kMostOversubscription = 1e4;

/// Cables that add up to a rate: as many as run at `cable` each, to the nearest, at least one; then
/// each carries its part of the rate exactly.
Cable bundle(BytesPerSecond sum, BytesPerSecond cable, Seconds hop) {
    const double count = std::clamp(std::round(sum.si() / cable.si()), 1.0, 1e6);
    return {sum * (1 / count), hop, static_cast<int>(count)};
}

/// A Clos network with its own oversubscription at every tier, two tiers or three:
///
///   core-0  core-1 ...            `cores`, absent where one pod holds all
///    |  \   /  |                  rate below a spine / above it = spine_oversubscription
///   spine-0.0  spine-0.1 ...      `spines` of every pod (and plane)
///    |  \   /  |                  rate below a leaf / above it = leaf_oversubscription
///   leaf-0     leaf-1 ...         rails_per_leaf GPUs of each of hosts_per_leaf hosts
///    |   |      |   |             nic, in `nic_ports` ports to as many disjoint planes
///   g0   g8    g1   g9  ...       nvlink and one NVSwitch inside a node
///
/// g0 -> g8 (same leaf): nic, nic; 2 hops. g0 -> g1 in another node: nic, leaf-spine, leaf-spine,
/// nic; 4 hops; to another pod 6. Ratios are exact: where cables are not whole in number, their sum
/// is. Keys beside those of the nodes: hop, nic_ports (1), rails_per_leaf (1), hosts_per_leaf,
/// hosts_per_pod (all), spines, leaf_oversubscription (1), cores, spine_oversubscription (1), cable
/// (rate of one, nic over nic_ports; only counted), core_ports (of a spine, for a core that is no
/// part of the file).
class ClosFabric final : public Fabric {
public:
    explicit ClosFabric(sim::Table& in) {
        Clos& c = clos_;
        c.read_nodes(in);
        c.nic_ports = read_count(in, "nic_ports", 1, 16, 1);
        c.rails_per_leaf = read_count(in, "rails_per_leaf", 1, c.rails, 1);
        if (c.rails % c.rails_per_leaf != 0)
            in.fail("rails_per_leaf",
                    fmt::format("{} rails do not divide by {}", c.rails, c.rails_per_leaf));
        c.hosts_per_leaf = read_count(in, "hosts_per_leaf", 1, kMostPorts);
        const int all = (c.hosts + c.hosts_per_leaf - 1) / c.hosts_per_leaf * c.hosts_per_leaf;
        c.hosts_per_pod = read_count(in, "hosts_per_pod", 1, kMostGpus, all);
        if (c.hosts_per_pod % c.hosts_per_leaf != 0)
            in.fail("hosts_per_pod", fmt::format("{} hosts do not divide by the {} of a leaf",
                                                 c.hosts_per_pod, c.hosts_per_leaf));
        const Seconds hop = in.time("hop");
        if (hop.si() < 0) in.fail("hop", "must not be negative");
        const BytesPerSecond cable = in.rate("cable", c.nic.rate * (1.0 / c.nic_ports));
        if (!(cable.si() > 0)) in.fail("cable", "must be more than zero");

        c.spines = read_count(in, "spines", 1, kMostPorts);
        const double leaf_over =
            in.number("leaf_oversubscription", 1e-3, kMostOversubscription, 1.0);
        const double below_leaf =
            c.nic.rate.si() / c.nic_ports * c.hosts_per_leaf * c.rails_per_leaf;
        c.leaf_spine = bundle(BytesPerSecond{below_leaf / leaf_over / c.spines}, cable, hop);
        read_core(in, cable, hop);
    }

    void build(Cluster::Builder& cluster) const override {
        clos_.build(cluster);
        if (core_ports_ > 0) cluster.set_core_ports(core_ports_, spine_oversubscription_);
    }

private:
    void read_core(sim::Table& in, BytesPerSecond cable, Seconds hop) {
        Clos& c = clos_;
        const int leaves =
            std::min(c.hosts_per_pod, c.hosts) / c.hosts_per_leaf * c.leaves_per_segment();
        const double below_spine = c.leaf_spine.rate.si() * c.leaf_spine.cables * leaves;
        if (c.pods() == 1) {
            for (const char* key : {"cores", "spine_oversubscription"})
                if (in.has(key)) in.fail(key, "one pod holds every host, so nothing is above it");
            core_ports_ = read_count(in, "core_ports", 0, kMostPorts, 0);
            if (core_ports_ > 0) spine_oversubscription_ = below_spine / (core_ports_ * cable.si());
            return;
        }
        c.cores = read_count(in, "cores", 1, 1 << 16);
        const double over = in.number("spine_oversubscription", 1e-3, kMostOversubscription, 1.0);
        const int reached = c.cores % c.spines == 0 ? c.cores / c.spines : c.cores;
        c.spine_core = bundle(BytesPerSecond{below_spine / over / reached}, cable, hop);
    }

    Clos clos_;
    int core_ports_ = 0;
    double spine_oversubscription_ = 0;
};

const sim::Register<Fabric, ClosFabric, sim::Table&> entry{
    "clos", "two or three tiers with their own oversubscription, planes by NIC port"};

}  // namespace
}  // namespace moesim::topologies
