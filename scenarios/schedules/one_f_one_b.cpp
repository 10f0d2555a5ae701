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
/// Source: PipeDream-Flush, arXiv:2006.09503; Megatron-LM schedules.py.
class OneFOneB final : public Schedule {
public:
    [[nodiscard]] std::string refuse(int, int) const override { return {}; }
    [[nodiscard]] int rank_of(int, int stage, int) const override { return stage; }
    [[nodiscard]] std::vector<Slot> order(int rank, int ranks, int m) const override {
        const int warm_up = std::min(m, ranks - 1 - rank);
        std::vector<Slot> out;
        const auto forward = [&](int i) {
            out.push_back({sim::UnitKind::forward, {rank, 0, i}, {}});
        };
        const auto backward = [&](int i) {
            out.push_back({sim::UnitKind::backward, {}, {rank, 0, i}});
        };
        for (int i = 0; i < warm_up; ++i) forward(i);
        for (int i = 0; i < m - warm_up; ++i) forward(warm_up + i), backward(i);
        for (int i = m - warm_up; i < m; ++i) backward(i);
        return out;
    }
};

const sim::Register<Schedule, OneFOneB> entry{"1f1b", "one forward, one backward in turn"};

}  // namespace
}  // namespace moesim::scenarios
