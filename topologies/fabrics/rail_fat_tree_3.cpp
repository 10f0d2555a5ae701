#include <fmt/format.h>

#include <algorithm>

#include "topologies/fabric.hpp"
#include "topologies/fabrics/clos.hpp"
#include "topologies/fabrics/parts.hpp"

namespace moesim::topologies {
namespace {

/// A rail-optimised fat tree of three tiers of equal switches, 1:1 throughout:
///
///          core-0 ...  core-N           group s of cores joins the spines s of all pods
///         /          \         .
///   pod 0: spine-0.0 ..  | pod 1: spine-1.0 ..      radix/2 spines: one cable to each leaf
///        |  X  |         |      |  X  |
///      leaf-0 .. leaf-31 |    leaf-32 ..            radix/2 leaves: GPU i of a host on rail i
///       |                                nic
///      g0  g8  ...                       nvlink and one NVSwitch inside a node
///
///   leaves of a pod = the multiple of the rails that radix/2 spines' ports hold; `hosts_per_leaf`
///   (radix/2) hosts below each; spines of a pod = hosts_per_leaf;
///   cores = spines of a pod x the fewest that divide radix/2 evenly and have ports for all pods.
///
/// g0 -> g8: same leaf, 2 hops; within a pod 4; else 6: nic, leaf-spine, spine-core, spine-core,
/// leaf-spine, nic. Keys: those of the nodes, hop, radix, hosts_per_leaf.
class RailFatTree3 final : public Fabric {
public:
    explicit RailFatTree3(sim::Table& in) {
        Clos& c = clos_;
        c.read_nodes(in);
        const Seconds hop = in.time("hop");
        if (hop.si() < 0) in.fail("hop", "must not be negative");
        const int radix = read_count(in, "radix", 4, kMostPorts);
        const int half = radix / 2;
        c.hosts_per_leaf = read_count(in, "hosts_per_leaf", 1, half, half);
        const int segments = half / c.rails;
        if (segments == 0)
            in.fail("radix",
                    fmt::format("half of {} ports are less than {} rails", radix, c.rails));
        c.hosts_per_pod = c.hosts_per_leaf * segments;
        c.spines = c.hosts_per_leaf;
        c.leaf_spine = {c.nic.rate, hop};
        if (c.pods() == 1) return;

        const int up = segments * c.rails;  // cables above a spine, as many as below
        int each = 1;                       // cores that one spine reaches
        while (each <= up && (up % each != 0 || c.pods() > radix / (up / each))) ++each;
        if (each > up)
            in.fail("nodes",
                    fmt::format("{} pods, but a core of three tiers has only {} ports", c.pods(),
                                radix),
                    "raise `radix`");
        c.cores = c.spines * each;
        c.spine_core = {c.nic.rate, hop, up / each};
    }

    void build(Cluster::Builder& cluster) const override { clos_.build(cluster); }

private:
    Clos clos_;
};

const sim::Register<Fabric, RailFatTree3, sim::Table&> entry{
    "rail_fat_tree_3", "nodes on rails of a full fat tree of three tiers"};

}  // namespace
}  // namespace moesim::topologies
