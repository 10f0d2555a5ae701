#include <algorithm>
#include <array>
#include <deque>

#include "scenarios/schedule.hpp"
#include "sim/registry.hpp"

namespace moesim::scenarios {
namespace {

/// DualPipe: two flows from the two ends; rank r holds stage r of flow 0 and stage p-1-r of flow 1,
/// so every stage twice. In the steady part a forward of one flow and a backward of the other run
/// as one overlapped unit.
///
///   rank 0    F0 F0 F0 F0 ... F0&B1 F1&B0 ...   B1 B0 ... W
///   rank p-1  F1 F1 F1 F1 ... F1&B0 F0&B1 ...   B0 B1 ... W
///
/// With H = p/2, d = min(r, p-1-r), phases counted from the rank's own end of the pipeline:
///   1  2(H-d-1)        F0
///   2  d+1             F0 F1
///   3  H-d-1           I1 W F1
///   4  m/2 - p + d + 1 F0&B1 F1&B0   (the very first F0, B1 of the middle ranks one after the
///   other) 5  H-d-1           B1 F1&B0 6  d+1             B1 B0         (from half-way on only I,
///   the W queued) 7  H-d-1           W I0 8  d+1             W
/// Source: deepseek-ai/DualPipe, dualpipe.py; arXiv:2412.19437, section 3.2.1.
class DualPipe final : public Schedule {
public:
    [[nodiscard]] std::string refuse(int ranks, int m) const override {
        if (ranks % 2) return "needs an even number of pipeline ranks";
        if (m % 2) return "needs an even number of micro-batches";
        if (m < 2 * ranks) return "needs at least two micro-batches per pipeline rank";
        return {};
    }
    [[nodiscard]] int flows() const override { return 2; }
    [[nodiscard]] int rank_of(int ranks, int stage, int flow) const override {
        return flow == 0 ? stage : ranks - 1 - stage;
    }
    [[nodiscard]] std::vector<Slot> order(int rank, int ranks, int m) const override {
        const int half = ranks / 2, d = std::min(rank, ranks - 1 - rank);
        Order o{rank, ranks};
        for (int i = 0; i < 2 * (half - d - 1); ++i) o.forward(0);
        for (int i = 0; i < d + 1; ++i) o.forward(0), o.forward(1);
        for (int i = 0; i < half - d - 1; ++i) o.backward(1, true), o.weight(), o.forward(1);
        for (int i = 0; i < m / 2 - ranks + d + 1; ++i) {
            if (i == 0 && d == half - 1)
                o.forward(0), o.backward(1, false);
            else
                o.pair(0, 1);
            o.pair(1, 0);
        }
        for (int i = 0; i < half - d - 1; ++i) o.backward(1, false), o.pair(1, 0);
        bool split = false;
        for (int i = 0; i < d + 1; ++i) {
            if (i == (d + 1) / 2 && d % 2 == 1) split = true;
            o.backward(1, split);
            if (i == (d + 1) / 2 && d % 2 == 0) split = true;
            o.backward(0, split);
        }
        for (int i = 0; i < half - d - 1; ++i) o.weight(), o.backward(0, true);
        for (int i = 0; i < d + 1; ++i) o.weight();
        return o.slots;
    }

private:
    struct Order {
        int rank, ranks;
        std::vector<Slot> slots{};
        std::array<int, 2> forwards{}, backwards{};
        std::deque<Part> queued{};

        [[nodiscard]] int flow(int phase) const { return rank < ranks / 2 ? phase : 1 - phase; }
        [[nodiscard]] Part next(int phase, std::array<int, 2>& count) const {
            const int f = flow(phase);
            const int stage = f == 0 ? rank : ranks - 1 - rank;
            return {stage, f, count[static_cast<std::size_t>(phase)]++};
        }
        void forward(int phase) {
            slots.push_back({sim::UnitKind::forward, next(phase, forwards), {}});
        }
        void backward(int phase, bool split) {
            const Part part = next(phase, backwards);
            slots.push_back(
                {split ? sim::UnitKind::input_gradient : sim::UnitKind::backward, {}, part});
            if (split) queued.push_back(part);
        }
        void weight() {
            slots.push_back({sim::UnitKind::weight_gradient, {}, queued.front()});
            queued.pop_front();
        }
        void pair(int forward_phase, int backward_phase) {
            slots.push_back({sim::UnitKind::pair, next(forward_phase, forwards),
                             next(backward_phase, backwards)});
        }
    };
};

const sim::Register<Schedule, DualPipe> entry{
    "dualpipe", "two flows in opposite directions, forwards and backwards overlapped in pairs"};

}  // namespace
}  // namespace moesim::scenarios
