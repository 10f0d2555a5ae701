#include <cmath>

#include "topologies/group_collective.hpp"

namespace moesim::topologies {
namespace {

/// All-reduce over a double binary tree of nodes, a chain inside each node.
///
///   leaf nodes -> ... -> root   sums up        root -> ... -> leaf nodes   results down
///   inside a node: gpu-0 - gpu-1 - ... - gpu-(g-1), up and down
///
/// Each of the two trees carries half of the bytes; a node is inside one (one up, two down) and a
/// leaf of the other (one up), so it sends 2 x bytes through its g NICs; between two nodes bytes
/// once. NVLink 2 (g - 1) / g x bytes. Steps: 2 log2(N) over the network. 16 SMs.
/// Source: NVIDIA/nccl, src/graph/trees.cc; Sanders, Speck and Traeff, 2009.
class TreeAllReduce final : public GroupCollective {
public:
    [[nodiscard]] std::string collective() const override { return "nccl.all_reduce"; }
    [[nodiscard]] bool can(const RankGroup& group) const override { return group.nodes() > 1; }
    [[nodiscard]] CollectiveLoad load(const RankGroup& group, double bytes) const override {
        const double g = group.per_node, n = group.nodes();
        return {(n > 2 ? 2 : 1) * bytes / g, 2 * bytes * (g - 1) / g, 2 * (g - 1),
                2 * std::ceil(std::log2(n))};
    }
};

const sim::Register<GroupCollective, TreeAllReduce> entry{
    "tree_all_reduce", "all-reduce: sums up and down a double binary tree of nodes"};

}  // namespace
}  // namespace moesim::topologies
