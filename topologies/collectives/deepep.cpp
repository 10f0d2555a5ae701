#include <cmath>

#include "topologies/collectives/exchanges.hpp"

namespace moesim::topologies {
namespace {

/// DeepEP normal kernels: one copy per destination node on the own rail, then NVLink (see
/// relayed()).
///
/// NIC bytes: distinct remote nodes x payload; NVLink bytes: distinct GPUs other than the arrival
/// rank. Pipelined in chunks, so the slower leg sets the time. Per token and node 8 B source word +
/// 4 k B indices + 4 k B weights, rounded up to 16 B. 20 SMs (10 channels) in DeepSeek-V3's
/// training. Startup: layout, notify, first chunk. Source: deepseek-ai/DeepEP, docs and
/// internode.cu.
class DeepEp final : public Dispatcher {
public:
    [[nodiscard]] std::vector<Flows> flows(const GroupShape& group, const Copies& copies,
                                           const std::vector<int>& kind_of_source,
                                           double tokens) const override {
        return {relayed(group, copies, kind_of_source, tokens)};
    }
    [[nodiscard]] Names names() const override {
        return {"deepep.dispatch", "deepep.combine", "deepep.dispatch_cached",
                "deepep.combine_gradient"};
    }
    [[nodiscard]] double wire_bytes(double payload, int top_k) const override {
        return std::ceil((payload + 8 + 8.0 * top_k) / 16) * 16;
    }
    [[nodiscard]] bool host_waits() const override { return true; }
    [[nodiscard]] int sms() const override { return 20; }
};

const sim::Register<Dispatcher, DeepEp> entry{
    "deepep", "one copy per destination node on the own rail, forwarded over NVLink"};

}  // namespace
}  // namespace moesim::topologies
