#include "scenarios/schedules/zero_bubble.hpp"
#include "sim/registry.hpp"

namespace moesim::scenarios {
namespace {

/// ZB-H2: twice the forwards of ZB-H1 in flight, and twice its weight gradients held back. Bubble
/// (p - 1)(F + I - 2W), 2p - 1 activations on every rank. Source: arXiv:2401.10241, section 2.2.
class ZeroBubbleH2 final : public Schedule {
public:
    [[nodiscard]] std::string refuse(const PipelineShape&) const override { return {}; }
    [[nodiscard]] int rank_of(const PipelineShape&, int stage, int) const override { return stage; }
    [[nodiscard]] std::vector<Slot> order(int rank, const PipelineShape& s) const override {
        return zero_bubble_order(rank, s.micro_batches, 2 * (s.ranks - 1 - rank),
                                 static_cast<std::size_t>(2 * rank));
    }
};

const sim::Register<Schedule, ZeroBubbleH2> entry{
    "zb-h2", "1F1B with weight gradients in the bubble, in twice the memory of 1F1B"};

}  // namespace
}  // namespace moesim::scenarios
