#include "topologies/collectives/exchanges.hpp"

namespace moesim::topologies {
namespace {

/// Hierarchical 2-D all-to-all (Tutel 2DH, DeepSpeed-MoE): inside the node first, so that the
/// network sees g times fewer, g times larger messages.
///
///   1  source s --NVLink--> (own node, rail of d)   rows for rail-mates of d, all nodes together
///   2  (own node, rail of d) ==NIC==> d             among ranks of equal local index
///
/// Bytes: phase 1 k (1 - 1/g), phase 2 k (1 - 1/N) rows x payload; no sharing, no metadata. The
/// phases follow one another, with a strided copy of the buffer at home before each. Messages of
/// S / N bytes instead of S / P. 16 SMs as NCCL's all-to-all. Source: microsoft/Tutel, 2DH
/// all-to-all; arXiv:2201.05596, section 5.2.
class Hierarchical final : public Dispatcher {
public:
    [[nodiscard]] std::vector<Flows> flows(const GroupShape& group, const Copies& copies,
                                           const std::vector<int>& kind_of_source,
                                           double tokens) const override {
        const Flows wanted = direct(copies.rows, kind_of_source, tokens);
        const Grid grid{group};
        Flows inside{wanted.ranks}, across{wanted.ranks};
        for (std::size_t s = 0; s < wanted.ranks; ++s)
            for (std::size_t d = 0; d < wanted.ranks; ++d) {
                const std::size_t turn = grid.at(group.node[s], group.local[d]);
                inside.add(s, turn, wanted.at(s, d));
                across.add(turn, d, wanted.at(s, d));
            }
        if (group.nodes == 1) return {inside};
        return {inside, across};
    }
    [[nodiscard]] Names names() const override {
        return {"nccl.alltoall", "nccl.alltoall", "nccl.alltoall", "nccl.alltoall"};
    }
    [[nodiscard]] double wire_bytes(double payload, int) const override { return payload; }
    [[nodiscard]] bool host_waits() const override { return true; }
    [[nodiscard]] int sms() const override { return 16; }
    [[nodiscard]] int local_copies() const override { return 2; }
};

const sim::Register<Dispatcher, Hierarchical> entry{
    "hierarchical", "2-D all-to-all: inside the node, then between ranks of one rail"};

}  // namespace
}  // namespace moesim::topologies
