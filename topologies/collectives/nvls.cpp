#include <cmath>

#include "topologies/group_collective.hpp"

namespace moesim::topologies {
namespace {

/// All-reduce in the NVSwitch: it adds what it reads from all GPUs and multicasts the result.
///
///   every gpu i: [switch] reads part i of all, adds, -> gpu i      in bytes / P, out bytes
///   gpu i -> [switch] -> all                                       out bytes / P, in bytes
///
/// Port bytes: (1 + 1/P) x bytes either way, against 2 (P - 1) / P of a ring. 16 SMs. Source:
/// NVIDIA/nccl, src/device/all_reduce.h (NVLS, multimem.ld_reduce and multimem.st).
class NvlsAllReduce final : public GroupCollective {
public:
    [[nodiscard]] std::string collective() const override { return "nccl.all_reduce"; }
    [[nodiscard]] bool can(const RankGroup& group) const override {
        return group.nvls && group.nodes() == 1 && group.ranks > 2;
    }
    [[nodiscard]] CollectiveLoad load(const RankGroup& group, double bytes) const override {
        return {0, bytes * (1 + 1.0 / group.ranks), 4, 0};
    }
};

/// The same in each node, and a tree over the nodes between (NCCL: NVLS_TREE): see
/// hierarchical_all_reduce for what crosses the network.
class NvlsTree final : public GroupCollective {
public:
    [[nodiscard]] std::string collective() const override { return "nccl.all_reduce"; }
    [[nodiscard]] bool can(const RankGroup& group) const override {
        return group.nvls && group.nodes() > 1 && group.per_node > 2;
    }
    [[nodiscard]] CollectiveLoad load(const RankGroup& group, double bytes) const override {
        const double g = group.per_node, n = group.nodes();
        return {(n > 2 ? 2 : 1) * bytes / g, bytes * (1 + 1 / g), 4, 2 * std::ceil(std::log2(n))};
    }
};

const sim::Register<GroupCollective, NvlsAllReduce> entry{
    "nvls_all_reduce", "all-reduce: the NVSwitch adds and multicasts, (1 + 1/P) of the bytes"};
const sim::Register<GroupCollective, NvlsTree> tree{
    "nvls_tree_all_reduce", "all-reduce: NVSwitch inside the node, a tree over the nodes"};

}  // namespace
}  // namespace moesim::topologies
