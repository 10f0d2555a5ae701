#pragma once

#include <algorithm>
#include <deque>
#include <vector>

#include "scenarios/schedule.hpp"

namespace moesim::scenarios {

/// A 1F1B order whose backwards are split: after `warm_up` forwards, forward and input gradient in
/// turn; of the weight gradients at most `held` wait meanwhile. In the cool-down one of them
/// follows each input gradient; the rest comes last. Source: arXiv:2401.10241, section 2.
inline std::vector<Slot> zero_bubble_order(int rank, int micro_batches, int warm_up,
                                           std::size_t held) {
    std::vector<Slot> out;
    std::deque<Part> queue;
    const auto weight = [&] {
        out.push_back({sim::UnitKind::weight_gradient, {}, queue.front()});
        queue.pop_front();
    };
    const int w = std::min(micro_batches, warm_up);
    for (int i = 0; i < w; ++i) out.push_back({sim::UnitKind::forward, {rank, 0, i}, {}});
    for (int i = 0; i < micro_batches; ++i) {
        const bool steady = i < micro_batches - w;
        if (steady) out.push_back({sim::UnitKind::forward, {rank, 0, w + i}, {}});
        out.push_back({sim::UnitKind::input_gradient, {}, {rank, 0, i}});
        queue.push_back({rank, 0, i});
        if (!steady || queue.size() > held) weight();
    }
    while (!queue.empty()) weight();
    return out;
}

}  // namespace moesim::scenarios
