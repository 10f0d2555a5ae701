#include <cmath>

#include "topologies/collectives/exchanges.hpp"

namespace moesim::topologies {
namespace {

/// One-sided all-to-all in an NVLink domain (TensorRT-LLM's on GB200): a token travels once to each
/// rank that holds one of its experts.
///
///   source s --NVLink--> each GPU that holds a chosen expert       ==NIC==> beyond the domain
///
/// Bytes: distinct GPUs other than the own x (payload + 8 k B expert ids and weights, rounded up to
/// 16 B). Counts are exchanged by a prepare kernel, which is part of the startup; no host wait.
/// 16 SMs (assumed). Source: NVIDIA/TensorRT-LLM, NVLinkTwoSided and NVLinkOneSided MoE all-to-all.
class NvlinkDomain final : public Dispatcher {
public:
    [[nodiscard]] std::vector<Flows> flows(const GroupShape&, const Copies& copies,
                                           const std::vector<int>& kind_of_source,
                                           double tokens) const override {
        return {direct(copies.gpu, kind_of_source, tokens)};
    }
    [[nodiscard]] Names names() const override {
        return {"nvlink.dispatch", "nvlink.combine", "nvlink.dispatch", "nvlink.combine"};
    }
    [[nodiscard]] double wire_bytes(double payload, int top_k) const override {
        return std::ceil((payload + 8.0 * top_k) / 16) * 16;
    }
    [[nodiscard]] bool host_waits() const override { return false; }
    [[nodiscard]] int sms() const override { return 16; }
};

const sim::Register<Dispatcher, NvlinkDomain> entry{
    "nvlink", "all-to-all in an NVLink domain, one copy per GPU that a token needs"};

}  // namespace
}  // namespace moesim::topologies
