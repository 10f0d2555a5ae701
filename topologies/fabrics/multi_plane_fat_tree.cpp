#include <fmt/format.h>

#include "topologies/fabric.hpp"
#include "topologies/fabrics/leaf_spine.hpp"

namespace moesim::topologies {
namespace {

/// A multi-plane fat tree: GPU i of every node on plane i, each plane a fat tree of two tiers with
/// spines of its own, so that planes meet nowhere but in the nodes. Drawn with two GPUs per node:
///
///       plane 0                  plane 1
///     spine-0.0                spine-1.0       `cables` side by side from each leaf to each spine
///      /      \                 /      \       .
///   leaf-0.0  leaf-0.1      leaf-1.0  leaf-1.1
///    |  \      |   \         |  \      |   \   nic
///   g0   g2   g4   g6       g1   g3   g5   g7
///   node-0: g0 g1    node-1: g2 g3    ...      nvlink and one NVSwitch inside
///
/// g0 -> g6 (same plane): nic (g0, leaf-0.0), (leaf-0.0, spine-0.0), (spine-0.0, leaf-0.1),
/// nic (leaf-0.1, g6): 4 hops.
/// g0 -> g7 (another plane): no way without a relay, so nvlink (g0, nvswitch-0, g1) first, then as
/// above in plane 1: 6 hops.
/// Source: DeepSeek, arXiv:2505.09343, section 5 (multi-plane fat tree; cross-plane traffic is
/// forwarded inside a node).
class MultiPlaneFatTree final : public Fabric {
public:
    explicit MultiPlaneFatTree(sim::Table& in) : plane_{in, Spines::own_of_each_rail} {}

    void build(Cluster::Builder& cluster) const override {
        const auto gpus = plane_.add_nodes(cluster);
        for (int plane = 0; plane < plane_.rails; ++plane)
            plane_.add_spines(cluster, fmt::format("spine-{}.", plane),
                              plane_.add_leaves(cluster, plane, gpus));
    }

private:
    LeafSpine plane_;
};

const sim::Register<Fabric, MultiPlaneFatTree, sim::Table&> entry{
    "multi_plane_fat_tree", "nodes on disjoint planes, each a fat tree of two tiers"};

}  // namespace
}  // namespace moesim::topologies
