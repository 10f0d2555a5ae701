#include "topologies/collectives/exchanges.hpp"
#include "topologies/group_collective.hpp"

namespace moesim::topologies {
namespace {

/// NCCL pairwise all-to-all (Megatron `alltoall`): one copy per chosen expert row, no sharing.
///
///   source s ==NIC==> d (another node)      source s --NVLink--> d (own node)
///
/// Bytes: k (1 - 1/P) rows x payload leave a rank, k (1 - 1/N) of them its node; no metadata beside
/// the row (counts are agreed by an all-gather before, for which the host waits). 16 SMs: two
/// channels' worth of thread blocks for each of 8 peers. Startup grows with P: one send and one
/// receive per peer. Source: NVIDIA/Megatron-LM token_dispatcher.py.
class AllToAll : public Dispatcher {
public:
    [[nodiscard]] std::vector<Flows> flows(const GroupShape&, const Copies& copies,
                                           const std::vector<int>& kind_of_source,
                                           double tokens) const override {
        return {direct(copies.rows, kind_of_source, tokens)};
    }
    [[nodiscard]] Names names() const override {
        return {"nccl.alltoall", "nccl.alltoall", "nccl.alltoall", "nccl.alltoall"};
    }
    [[nodiscard]] double wire_bytes(double payload, int) const override { return payload; }
    [[nodiscard]] bool host_waits() const override { return true; }
    [[nodiscard]] int sms() const override { return 16; }
    /// Rows are put in the order of their destinations, a copy for each choice.
    [[nodiscard]] int local_copies() const override { return 1; }
};

/// The same with PXN (NCCL_P2P_PXN_LEVEL): what goes to another node is first written over NVLink
/// to the own node's GPU on the destination's rail, which sends it on. No traffic between rails.
///
///   source s --NVLink--> (own node, rail of d) ==NIC==> d          own node as without
///
/// Bytes: NIC as without; NVLink k (1 - 1/N) (1 - 1/g) rows more. Fewer, larger messages: those of
/// the node's GPUs to one destination go together. Source: NVIDIA blog, "Doubling all2all
/// Performance with NCCL 2.12".
class AllToAllPxn final : public AllToAll {
public:
    [[nodiscard]] std::vector<Flows> flows(const GroupShape& group, const Copies& copies,
                                           const std::vector<int>& kind_of_source,
                                           double tokens) const override {
        const Flows wanted = direct(copies.rows, kind_of_source, tokens);
        const Grid grid{group};
        Flows out{wanted.ranks};
        for (std::size_t s = 0; s < out.ranks; ++s)
            for (std::size_t d = 0; d < out.ranks; ++d) {
                const bool inside = group.node[s] == group.node[d];
                const std::size_t relay = inside ? s : grid.at(group.node[s], group.local[d]);
                out.add(s, relay, wanted.at(s, d));
                out.add(relay, d, wanted.at(s, d));
            }
        return {out};
    }
};

/// The same with equal parts for all: bytes / P from each to each.
class EvenAllToAll final : public GroupCollective {
public:
    [[nodiscard]] std::string collective() const override { return "nccl.alltoall"; }
    [[nodiscard]] bool can(const RankGroup&) const override { return true; }
    [[nodiscard]] CollectiveLoad load(const RankGroup& group, double bytes) const override {
        const double p = group.ranks, g = group.per_node;
        return {bytes * (p - g) / p, bytes * (g - 1) / p, g - 1, p - g};
    }
};

const sim::Register<GroupCollective, EvenAllToAll> even{
    "pairwise_alltoall", "all-to-all: one send and one receive per peer, (P-1)/P of the bytes"};
const sim::Register<Dispatcher, AllToAll> entry{
    "alltoall", "NCCL send/recv all-to-all, one copy per chosen expert"};
const sim::Register<Dispatcher, AllToAllPxn> pxn{
    "alltoall_pxn", "NCCL send/recv all-to-all that changes rails over NVLink first (PXN)"};

}  // namespace
}  // namespace moesim::topologies
