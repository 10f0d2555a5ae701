#include "topologies/collective.hpp"

namespace moesim::topologies {
namespace {

/// NCCL pairwise all-to-all (Megatron `alltoall`): one copy per chosen expert row, no sharing.
///
///   source s ==NIC==> d (another node)      source s --NVLink--> d (own node)
///
/// Bytes: rows x payload, once per (token, expert). Source: NVIDIA/Megatron-LM token_dispatcher.py.
class AllToAll final : public Dispatcher {
public:
    [[nodiscard]] PortLoads loads(const GroupShape& group, const Copies& copies,
                                  const std::vector<int>& kind_of_source,
                                  double tokens) const override {
        const std::size_t ranks = group.node.size();
        PortLoads out{std::vector<double>(ranks), std::vector<double>(ranks),
                      std::vector<double>(ranks), std::vector<double>(ranks)};
        for (std::size_t s = 0; s < ranks; ++s)
            for (std::size_t d = 0; d < ranks; ++d) {
                if (s == d) continue;
                const double copy =
                    tokens * copies.rows[static_cast<std::size_t>(kind_of_source[s])][d];
                const bool inside = group.node[s] == group.node[d];
                (inside ? out.nvlink_out : out.nic_out)[s] += copy;
                (inside ? out.nvlink_in : out.nic_in)[d] += copy;
            }
        return out;
    }

    [[nodiscard]] Names names() const override {
        return {"nccl.alltoall", "nccl.alltoall", "nccl.alltoall", "nccl.alltoall"};
    }
    [[nodiscard]] double wire_bytes(double payload, int) const override { return payload; }
    [[nodiscard]] bool host_waits() const override { return true; }
};

const sim::Register<Dispatcher, AllToAll> entry{
    "alltoall", "NCCL send/recv all-to-all, one copy per chosen expert"};

}  // namespace
}  // namespace moesim::topologies
