#include "topologies/collectives/exchanges.hpp"

namespace moesim::topologies {
namespace {

/// DeepEP low-latency kernels: every row straight to its expert's rank, one message each.
///
///   source s ==NIC==> d (another node)      source s --NVLink--> d (own node)
///
/// Bytes: k rows x (payload + 16 B header); nothing is shared between the experts of one rank.
/// Fixed receive buffers, so the host waits for nothing. No SM is held while data travel (the
/// kernel returns a hook). Source: deepseek-ai/DeepEP, docs/legacy.md and internode_ll.cu; NVLink
/// inside a node since its later V1.
class DeepEpLowLatency final : public Dispatcher {
public:
    [[nodiscard]] std::vector<Flows> flows(const GroupShape&, const Copies& copies,
                                           const std::vector<int>& kind_of_source,
                                           double tokens) const override {
        return {direct(copies.rows, kind_of_source, tokens)};
    }
    [[nodiscard]] Names names() const override {
        return {"deepep_ll.dispatch", "deepep_ll.combine", "deepep_ll.dispatch",
                "deepep_ll.combine"};
    }
    [[nodiscard]] double wire_bytes(double payload, int) const override { return payload + 16; }
    [[nodiscard]] bool host_waits() const override { return false; }
    [[nodiscard]] int sms() const override { return 0; }
};

const sim::Register<Dispatcher, DeepEpLowLatency> entry{
    "deepep_ll", "DeepEP low latency: one message per row, no SMs held while it travels"};

}  // namespace
}  // namespace moesim::topologies
