#include "topologies/group_collective.hpp"

namespace moesim::topologies {
namespace {

/// All-reduce in three strokes: reduce-scatter in the node, all-reduce of each rail over the nodes,
/// all-gather in the node.
///
///   1  gpu i of a node holds the node's sum of part i      NVLink (g - 1) / g x bytes
///   2  rail i: a ring over the N nodes                     NIC 2 (N - 1) / N x bytes / g
///   3  parts gathered in the node                          NVLink (g - 1) / g x bytes
///
/// 16 SMs. Source: arXiv:1811.05233 (2D-torus all-reduce) and Horovod's hierarchical all-reduce.
class Hierarchical final : public GroupCollective {
public:
    [[nodiscard]] std::string collective() const override { return "nccl.all_reduce"; }
    [[nodiscard]] bool can(const RankGroup& group) const override {
        return group.nodes() > 1 && group.per_node > 1;
    }
    [[nodiscard]] CollectiveLoad load(const RankGroup& group, double bytes) const override {
        const double g = group.per_node, n = group.nodes();
        return {2 * (n - 1) / n * bytes / g, 2 * (g - 1) / g * bytes, 2 * (g - 1), 2 * (n - 1)};
    }
};

/// The same with sums made by the scale-out switches (SHARP): each NIC sends its part up once and
/// receives the result once.
///
///   rail i: nic -> leaf (adds) -> spine (adds) -> leaf -> nic     bytes / g each way
///
/// Source: Graham et al., "Scalable Hierarchical Aggregation Protocol", COM-HPC 2016.
class InNetwork final : public GroupCollective {
public:
    [[nodiscard]] std::string collective() const override { return "nccl.all_reduce"; }
    [[nodiscard]] bool can(const RankGroup& group) const override {
        return group.sharp && group.nodes() > 1;
    }
    [[nodiscard]] CollectiveLoad load(const RankGroup& group, double bytes) const override {
        const double g = group.per_node;
        return {bytes / g, 2 * (g - 1) / g * bytes, 2 * (g - 1), 2};
    }
};

const sim::Register<GroupCollective, Hierarchical> entry{
    "hierarchical_all_reduce", "all-reduce: scatter in the node, ring over rails, gather"};
const sim::Register<GroupCollective, InNetwork> sharp{
    "sharp_all_reduce", "all-reduce: scatter in the node, sums in the switches, gather"};

}  // namespace
}  // namespace moesim::topologies
