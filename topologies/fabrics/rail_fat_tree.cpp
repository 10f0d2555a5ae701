#include "topologies/fabric.hpp"
#include "topologies/fabrics/leaf_spine.hpp"

namespace moesim::topologies {
namespace {

/// A rail-optimised fat tree of two tiers: GPU i of every node on rail i, one leaf (or several, for
/// many nodes) per rail, and spines that all rails share. Drawn with two GPUs per node:
///
///            spine-0        spine-1
///           /   |   \ \   / /   |   \         `cables` side by side from each leaf to each spine
///    leaf-0.0  leaf-0.1   leaf-1.0  leaf-1.1
///      |  \      |   \      /  |     /   |    nic
///     g0  g2    g4   g6    g1  g3   g5   g7
///     node-0: g0 g1     node-1: g2 g3    ...  nvlink and one NVSwitch inside
///
/// g0 -> g6 (same rail, another leaf): nic (g0, leaf-0.0); up to spine-0 and to spine-1, half each;
/// down to leaf-0.1, half each; nic (leaf-0.1, g6): 4 hops.
/// g0 -> g3 (another rail): nic (g0, leaf-0.0), spines half each, leaf-1.0, nic (leaf-1.0, g3): 4
/// hops. g0 -> g1 (same node): nvlink, nvlink.
class RailFatTree final : public Fabric {
public:
    explicit RailFatTree(sim::Table& in) : tree_{in, Spines::shared_by_rails} {}

    void build(Cluster::Builder& cluster) const override {
        const auto gpus = tree_.add_nodes(cluster);
        std::vector<Vertex> leaves;
        for (int rail = 0; rail < tree_.rails; ++rail)
            for (const Vertex leaf : tree_.add_leaves(cluster, rail, gpus)) leaves.push_back(leaf);
        tree_.add_spines(cluster, "spine-", leaves);
    }

private:
    LeafSpine tree_;
};

const sim::Register<Fabric, RailFatTree, sim::Table&> entry{
    "rail_fat_tree", "nodes on rails of leaves that share their spines, two tiers"};

}  // namespace
}  // namespace moesim::topologies
