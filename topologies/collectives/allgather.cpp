#include "topologies/collectives/exchanges.hpp"

namespace moesim::topologies {
namespace {

/// All-gather dispatch, reduce-scatter combine (Megatron `allgather`): every token to every rank,
/// whoever needs it.
///
///   rank r --NVLink--> next in its node           P - 1 times a rank's tokens, passed on in a ring
///   rank r ==NIC==> same rail of the next node    the ring's node crossings, one NIC per ring
///
/// Bytes: (P - 1) T x payload over each NVLink port, (P - 1) T / g over each NIC; no choice of
/// experts matters, so neither do skew and de-duplication. The routing map travels too (E bits per
/// token; left out). Sizes are static: the host waits for nothing. SMs and startup as NCCL's
/// all-gather. Source: NVIDIA/Megatron-LM token_dispatcher.py (MoEAllGatherTokenDispatcher); NCCL's
/// ring, one ring per NIC.
class AllGather final : public Dispatcher {
public:
    [[nodiscard]] std::vector<Flows> flows(const GroupShape& group, const Copies&,
                                           const std::vector<int>& kind_of_source,
                                           double tokens) const override {
        const std::size_t ranks = kind_of_source.size();
        const Grid grid{group};
        Flows out{ranks};
        std::vector<std::vector<std::size_t>> of_node(static_cast<std::size_t>(group.nodes));
        for (std::size_t r = 0; r < ranks; ++r)
            of_node[static_cast<std::size_t>(group.node[r])].push_back(r);
        const double passed = tokens * static_cast<double>(ranks - 1);
        for (std::size_t n = 0; n < of_node.size(); ++n) {
            const std::vector<std::size_t>& here = of_node[n];
            const double rings = static_cast<double>(here.size());
            const int next = static_cast<int>((n + 1) % of_node.size());
            for (std::size_t i = 0; i < here.size(); ++i) {
                const double share = group.nodes > 1 ? passed * (rings - 1) / rings : passed;
                out.add(here[i], here[(i + 1) % here.size()], share);
                if (group.nodes > 1)
                    out.add(here[i], grid.at(next, group.local[here[i]]), passed / rings);
            }
        }
        return {out};
    }
    [[nodiscard]] Names names() const override {
        return {"nccl.all_gather", "nccl.reduce_scatter", "nccl.all_gather", "nccl.reduce_scatter"};
    }
    [[nodiscard]] double wire_bytes(double payload, int) const override { return payload; }
    [[nodiscard]] bool host_waits() const override { return false; }
    [[nodiscard]] int sms() const override { return 16; }
};

const sim::Register<Dispatcher, AllGather> entry{
    "allgather", "every token to every rank, sums scattered back (Megatron allgather)"};

}  // namespace
}  // namespace moesim::topologies
