#include "topologies/group_collective.hpp"

namespace moesim::topologies {
namespace {

/// One trip of `bytes` around a ring: every rank passes on all but its own part.
///
///   0 -> 1 -> ... -> P-1 -> 0       P - 1 steps of bytes / P
///
/// Port bytes: (P - 1) / P x bytes. Over several nodes NCCL lays one ring per NIC, each of which
/// leaves the node through another one, so a NIC carries 1 / g of that and NVLink (g - 1) / g.
/// Source: Patarasuk and Yuan, JPDC 2009; NVIDIA/nccl, src/graph/rings.cc.
CollectiveLoad trip(const RankGroup& group, double bytes) {
    const double g = group.per_node, passed = bytes * (group.ranks - 1) / group.ranks;
    if (group.nodes() == 1) return {0, passed, group.ranks - 1.0, 0};
    const double crossings = group.nodes();
    return {passed / g, passed * (g - 1) / g, group.ranks - 1.0 - crossings, crossings};
}

/// Sums travel one trip, results another: 2 (P - 1) / P x bytes. 16 SMs.
class RingAllReduce final : public GroupCollective {
public:
    [[nodiscard]] std::string collective() const override { return "nccl.all_reduce"; }
    [[nodiscard]] bool can(const RankGroup&) const override { return true; }
    [[nodiscard]] CollectiveLoad load(const RankGroup& group, double bytes) const override {
        const CollectiveLoad once = trip(group, bytes);
        return {2 * once.nic, 2 * once.nvlink, 2 * once.nvlink_steps, 2 * once.nic_steps};
    }
};

/// Each rank ends with the sum of its part: (P - 1) / P x bytes of the unreduced whole. 16 SMs.
class RingReduceScatter final : public GroupCollective {
public:
    [[nodiscard]] std::string collective() const override { return "nccl.reduce_scatter"; }
    [[nodiscard]] bool can(const RankGroup&) const override { return true; }
    [[nodiscard]] CollectiveLoad load(const RankGroup& group, double bytes) const override {
        return trip(group, bytes);
    }
};

/// Each rank ends with everybody's part: (P - 1) / P x bytes of the gathered whole. 16 SMs.
class RingAllGather final : public GroupCollective {
public:
    [[nodiscard]] std::string collective() const override { return "nccl.all_gather"; }
    [[nodiscard]] bool can(const RankGroup&) const override { return true; }
    [[nodiscard]] CollectiveLoad load(const RankGroup& group, double bytes) const override {
        return trip(group, bytes);
    }
};

const sim::Register<GroupCollective, RingAllReduce> all_reduce{
    "ring_all_reduce", "all-reduce: two trips around a ring, 2 (P-1)/P of the bytes"};
const sim::Register<GroupCollective, RingReduceScatter> reduce_scatter{
    "ring_reduce_scatter", "reduce-scatter: one trip around a ring, (P-1)/P of the bytes"};
const sim::Register<GroupCollective, RingAllGather> all_gather{
    "ring_all_gather", "all-gather: one trip around a ring, (P-1)/P of the bytes"};

}  // namespace
}  // namespace moesim::topologies
