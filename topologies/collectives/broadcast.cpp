#include "topologies/group_collective.hpp"

namespace moesim::topologies {
namespace {

/// One rank's bytes to all, in chunks down a chain.
///
///   root -> 1 -> 2 -> ... -> P-1      every rank passes all bytes on, chunk by chunk
///
/// Port bytes: bytes; over several nodes each NIC carries 1 / g (one chain per NIC). 16 SMs.
/// Source: NVIDIA/nccl, src/device/broadcast.h.
class ChainBroadcast final : public GroupCollective {
public:
    [[nodiscard]] std::string collective() const override { return "nccl.broadcast"; }
    [[nodiscard]] bool can(const RankGroup&) const override { return true; }
    [[nodiscard]] CollectiveLoad load(const RankGroup& group, double bytes) const override {
        const double crossings = group.nodes() - 1.0;
        return {crossings > 0 ? bytes / group.per_node : 0, group.per_node > 1 ? bytes : 0,
                group.ranks - 1.0 - crossings, crossings};
    }
};

/// One rank to one other: all bytes through one port of each. 2 SMs.
///
///   a --NVLink--> b (own node)         a ==NIC==> b (another)
class PointToPoint final : public GroupCollective {
public:
    [[nodiscard]] std::string collective() const override { return "p2p"; }
    [[nodiscard]] bool can(const RankGroup& group) const override { return group.ranks == 2; }
    [[nodiscard]] CollectiveLoad load(const RankGroup& group, double bytes) const override {
        const bool inside = group.nodes() == 1;
        return {inside ? 0 : bytes, inside ? bytes : 0, inside ? 1.0 : 0.0, inside ? 0.0 : 1.0};
    }
    [[nodiscard]] int sms() const override { return 2; }
};

const sim::Register<GroupCollective, ChainBroadcast> entry{
    "chain_broadcast", "broadcast: chunks down a chain of all ranks"};
const sim::Register<GroupCollective, PointToPoint> p2p{"point_to_point", "one rank to one other"};

}  // namespace
}  // namespace moesim::topologies
