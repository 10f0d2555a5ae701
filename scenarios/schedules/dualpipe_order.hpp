#pragma once

#include <array>
#include <deque>
#include <functional>
#include <vector>

#include "scenarios/schedule.hpp"

namespace moesim::scenarios {

/// The order of DualPipe and DualPipeV on one rank, written in two phases: those of the two flows
/// or of the two chunks that the rank holds. With H half of the stages that a micro-batch meets
/// before it turns or ends, d the rank's distance from its end of the pipeline:
///
///   1  2(H-d-1)   F0
///   2  d+1        F0 F1
///   3  H-d-1      I1 W F1
///   4  steady     F0&B1 F1&B0   (innermost ranks: the very first F0, B1 one after the other)
///   5  H-d-1      B1 F1&B0
///   6  d+1        B1 B0         (from half-way on only I, the W queued)
///   7  H-d-1      W I0
///   8  d+1        W
///
/// Source: deepseek-ai/DualPipe, dualpipe.py and dualpipev.py; arXiv:2412.19437, section 3.2.1.
class DualPipeOrder {
public:
    /// stage: of a phase and the number of the pass within it.
    DualPipeOrder(int half, int depth, int steady, std::function<Part(int phase, int i)> part)
        : part_{std::move(part)} {
        const int outer = half - depth - 1;
        for (int i = 0; i < 2 * outer; ++i) forward(0);
        for (int i = 0; i < depth + 1; ++i) forward(0), forward(1);
        for (int i = 0; i < outer; ++i) backward(1, true), weight(), forward(1);
        for (int i = 0; i < steady; ++i) {
            if (i == 0 && outer == 0)
                forward(0), backward(1, false);
            else
                pair(0, 1);
            pair(1, 0);
        }
        for (int i = 0; i < outer; ++i) backward(1, false), pair(1, 0);
        bool split = false;
        for (int i = 0; i < depth + 1; ++i) {
            if (i == (depth + 1) / 2 && depth % 2 == 1) split = true;
            backward(1, split);
            if (i == (depth + 1) / 2 && depth % 2 == 0) split = true;
            backward(0, split);
        }
        for (int i = 0; i < outer; ++i) weight(), backward(0, true);
        for (int i = 0; i < depth + 1; ++i) weight();
    }
    std::vector<Slot> slots{};

private:
    Part next(int phase, std::array<int, 2>& count) {
        return part_(phase, count[static_cast<std::size_t>(phase)]++);
    }
    void forward(int phase) {
        slots.push_back({sim::UnitKind::forward, next(phase, forwards_), {}});
    }
    void backward(int phase, bool split) {
        const Part part = next(phase, backwards_);
        slots.push_back(
            {split ? sim::UnitKind::input_gradient : sim::UnitKind::backward, {}, part});
        if (split) queued_.push_back(part);
    }
    void weight() {
        slots.push_back({sim::UnitKind::weight_gradient, {}, queued_.front()});
        queued_.pop_front();
    }
    void pair(int forward_phase, int backward_phase) {
        const Part ahead = next(forward_phase, forwards_);
        slots.push_back({sim::UnitKind::pair, ahead, next(backward_phase, backwards_)});
    }

    std::function<Part(int, int)> part_;
    std::array<int, 2> forwards_{}, backwards_{};
    std::deque<Part> queued_{};
};

}  // namespace moesim::scenarios
