#include <cmath>

#include "topologies/collectives/exchanges.hpp"

namespace moesim::topologies {
namespace {

/// HybridEP: TMA inside an NVLink domain of any size, IBGDA between domains, few SMs.
///
///   source s ==NIC==> (domain n, index of s) --NVLink--> each GPU of n that holds a chosen expert
///   source s --NVLink--> GPUs of its own domain
///
/// Bytes: the NICs carry one copy per remote domain, NVLink one per distinct GPU; a combine reduces
/// inside the domain first. Per copy 4 k B weights beside the payload, rounded up to 16 B. The
/// domain is the cluster's (8 on HGX boards, up to 72 on GB200). 16 SMs by default. Only static
/// sizes are asked of the host when the buffer is preset; with dropless routing it waits. Source:
/// deepseek-ai/DeepEP, branch hybrid-ep, docs/README_Hybrid-EP.md; NVIDIA/Megatron-LM fused_a2a.py.
class HybridEp final : public Dispatcher {
public:
    [[nodiscard]] std::vector<Flows> flows(const GroupShape& group, const Copies& copies,
                                           const std::vector<int>& kind_of_source,
                                           double tokens) const override {
        return {relayed(group, copies, kind_of_source, tokens)};
    }
    [[nodiscard]] Names names() const override {
        return {"hybridep.dispatch", "hybridep.combine", "hybridep.dispatch", "hybridep.combine"};
    }
    [[nodiscard]] double wire_bytes(double payload, int top_k) const override {
        return std::ceil((payload + 4.0 * top_k) / 16) * 16;
    }
    [[nodiscard]] bool host_waits() const override { return true; }
    [[nodiscard]] int sms() const override { return 16; }
    [[nodiscard]] bool pads_rows() const override { return true; }
};

const sim::Register<Dispatcher, HybridEp> entry{
    "hybridep", "one copy per remote NVLink domain, TMA inside it, few SMs"};

}  // namespace
}  // namespace moesim::topologies
