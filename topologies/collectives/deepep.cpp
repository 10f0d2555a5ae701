#include <algorithm>
#include <cmath>

#include "topologies/collective.hpp"

namespace moesim::topologies {
namespace {

/// DeepEP normal kernels: one copy per destination node on the own rail, then NVLink.
///
///   source s ==NIC==> (node n, rail of s) --NVLink--> each GPU of n that holds a chosen expert
///   source s --NVLink--> GPUs of its own node
///
/// NIC bytes: distinct remote nodes x payload; NVLink bytes: distinct GPUs other than the arrival
/// rank. Pipelined in chunks, so the slower leg sets the time. Source: deepseek-ai/DeepEP, docs and
/// internode.cu; per token and node 8 B source word + 4 k B indices + 4 k B weights, rounded up to
/// 16 B.
class DeepEp final : public Dispatcher {
public:
    [[nodiscard]] PortLoads loads(const GroupShape& group, const Copies& copies,
                                  const std::vector<int>& kind_of_source,
                                  double tokens) const override {
        const std::size_t ranks = group.node.size();
        PortLoads out{std::vector<double>(ranks), std::vector<double>(ranks),
                      std::vector<double>(ranks), std::vector<double>(ranks)};
        const std::size_t rails = rails_of(group);
        const auto slot = [&](int node, int local) {
            return static_cast<std::size_t>(node) * rails + static_cast<std::size_t>(local);
        };
        std::vector<std::size_t> at(static_cast<std::size_t>(group.nodes) * rails, ranks);
        for (std::size_t r = 0; r < ranks; ++r) at[slot(group.node[r], group.local[r])] = r;
        for (std::size_t s = 0; s < ranks; ++s) {
            const auto kind = static_cast<std::size_t>(kind_of_source[s]);
            for (int n = 0; n < group.nodes; ++n) {
                const double copy = tokens * copies.node[kind][static_cast<std::size_t>(n)];
                if (n == group.node[s]) continue;
                out.nic_out[s] += copy;
                const std::size_t relay = at[slot(n, group.local[s])];
                out.nic_in[relay < ranks ? relay : s] += copy;
            }
            for (std::size_t d = 0; d < ranks; ++d) {
                if (group.local[d] == group.local[s]) continue;  // arrives where it is needed
                const double copy = tokens * copies.gpu[kind][d];
                const std::size_t relay = at[slot(group.node[d], group.local[s])];
                out.nvlink_out[relay < ranks ? relay : s] += copy;
                out.nvlink_in[d] += copy;
            }
        }
        return out;
    }

    [[nodiscard]] Names names() const override {
        return {"deepep.dispatch", "deepep.combine", "deepep.dispatch_cached",
                "deepep.combine_gradient"};
    }
    [[nodiscard]] double wire_bytes(double payload, int top_k) const override {
        return std::ceil((payload + 8 + 8.0 * top_k) / 16) * 16;
    }
    [[nodiscard]] bool host_waits() const override { return true; }

private:
    static std::size_t rails_of(const GroupShape& group) {
        return static_cast<std::size_t>(*std::max_element(group.local.begin(), group.local.end()) +
                                        1);
    }
};

const sim::Register<Dispatcher, DeepEp> entry{
    "deepep", "one copy per destination node on the own rail, forwarded over NVLink"};

}  // namespace
}  // namespace moesim::topologies
