#include <fmt/format.h>

#include "topologies/fabric.hpp"
#include "topologies/fabrics/leaf_spine.hpp"

namespace moesim::topologies {
namespace {

/// A rail-only network: GPUs of one number, and they alone, are joined across nodes; no spine joins
/// rails. Each rail is one switch, or leaves and spines of its own where it needs more ports.
///
///     rail 0: leaf-0.0              rail 1: leaf-1.0
///      |     |     |                 |     |     |      nic
///     g0    g2    g4                g1    g3    g5
///     node-0: g0 g1    node-1: g2 g3    node-2: g4 g5   nvlink: the only way between rails
///
/// g0 -> g4 (same rail): nic (g0, leaf-0.0), nic (leaf-0.0, g4): 2 hops.
/// g0 -> g5 (another rail): nvlink (g0, nvswitch-0, g1), then nic, nic on rail 1: 4 hops.
/// Source: Wang et al., arXiv:2307.12169, section 3. Left out: optical rails.
class RailOnly final : public Fabric {
public:
    explicit RailOnly(sim::Table& in) : rail_{in, Spines::own_of_each_rail} {}

    void build(Cluster::Builder& cluster) const override {
        const auto gpus = rail_.add_nodes(cluster);
        for (int rail = 0; rail < rail_.rails; ++rail)
            rail_.add_spines(cluster, fmt::format("spine-{}.", rail),
                             rail_.add_leaves(cluster, rail, gpus));
    }

private:
    LeafSpine rail_;
};

const sim::Register<Fabric, RailOnly, sim::Table&> entry{
    "rail_only", "rails that meet nowhere but in the nodes, no spine across"};

}  // namespace
}  // namespace moesim::topologies
