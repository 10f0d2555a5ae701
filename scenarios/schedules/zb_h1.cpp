#include "scenarios/schedules/zero_bubble.hpp"
#include "sim/registry.hpp"

namespace moesim::scenarios {
namespace {

/// ZB-H1: 1F1B with weight gradients as late as 1F1B's memory allows, so that they fill the bubble:
/// rank r holds back r of them. Bubble (p - 1)(F + I - W), p activations on every rank.
/// Source: arXiv:2401.10241, section 2.1.
class ZeroBubbleH1 final : public Schedule {
public:
    [[nodiscard]] std::string refuse(const PipelineShape&) const override { return {}; }
    [[nodiscard]] int rank_of(const PipelineShape&, int stage, int) const override { return stage; }
    [[nodiscard]] std::vector<Slot> order(int rank, const PipelineShape& s) const override {
        return zero_bubble_order(rank, s.micro_batches, s.ranks - 1 - rank,
                                 static_cast<std::size_t>(rank));
    }
};

const sim::Register<Schedule, ZeroBubbleH1> entry{
    "zb-h1", "1F1B with weight gradients in the bubble, in the memory of 1F1B"};

}  // namespace
}  // namespace moesim::scenarios
