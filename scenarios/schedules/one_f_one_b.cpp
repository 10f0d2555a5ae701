#include <algorithm>

#include "scenarios/schedule.hpp"
#include "sim/registry.hpp"

namespace moesim::scenarios {
namespace {

/// 1F1B: warm-up forwards, then one forward and one backward in turn, then the remaining backwards.
///
///   rank 0  F F F F B F B F B F B B B B        w = min(m, p - 1 - r) forwards first
///   rank 3        F B F B F B F B              bubble (p - 1)(F + B)
///
/// In pairs one more forward goes first, so that the halves of a pair do not wait for each other.
/// Source: PipeDream-Flush, arXiv:2006.09503; Megatron-LM schedules.py.
class OneFOneB final : public Schedule {
public:
    [[nodiscard]] std::string refuse(const PipelineShape&) const override { return {}; }
    [[nodiscard]] int rank_of(const PipelineShape&, int stage, int) const override { return stage; }
    [[nodiscard]] bool can_pair() const override { return true; }
    [[nodiscard]] std::vector<Slot> order(int rank, const PipelineShape& shape) const override {
        const int m = shape.micro_batches;
        const int warm_up = std::min(m, shape.ranks - 1 - rank + (shape.pairs ? 1 : 0));
        std::vector<Slot> out;
        const auto forward = [&](int i) {
            out.push_back({sim::UnitKind::forward, {rank, 0, i}, {}});
        };
        const auto backward = [&](int i) {
            out.push_back({sim::UnitKind::backward, {}, {rank, 0, i}});
        };
        for (int i = 0; i < warm_up; ++i) forward(i);
        for (int i = 0; i < m - warm_up; ++i) {
            if (shape.pairs)
                out.push_back({sim::UnitKind::pair, {rank, 0, warm_up + i}, {rank, 0, i}});
            else
                forward(warm_up + i), backward(i);
        }
        for (int i = m - warm_up; i < m; ++i) backward(i);
        return out;
    }
};

const sim::Register<Schedule, OneFOneB> entry{"1f1b", "one forward, one backward in turn"};

}  // namespace
}  // namespace moesim::scenarios
