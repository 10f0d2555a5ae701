#pragma once

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "scenarios/placement.hpp"

namespace moesim::scenarios {

/// Why no strategy could place this, as a sentence; empty when one could. Without `replicates`
/// every expert must have exactly one slot.
std::string unusable(const PlacementInput& input, bool replicates);

/// Where each item of a packing went.
struct Packing {
    std::vector<int> bin;   // [items]
    std::vector<int> rank;  // [items] order of arrival in the bin
};

/// Items by decreasing size, equal ones in their order.
template <class Real>
std::vector<int> by_decreasing(const std::vector<Real>& size) {
    std::vector<int> order(size.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
        return size[static_cast<std::size_t>(a)] > size[static_cast<std::size_t>(b)];
    });
    return order;
}

/// Longest processing time first, with items / bins items in every bin: the largest item left goes
/// to the bin that is then the least loaded of those with room (equal: the first). With `speed`
/// (empty: all alike) load is load over speed. One item per bin: item i in bin i, unsorted.
/// Sums and comparisons are in Real.
/// Source: R. Graham, SIAM J. Appl. Math. 17 (1969), for the list; deepseek-ai/EPLB, eplb.py
/// (balanced_packing), for the equal number of items and the ties.
template <class Real>
Packing balanced_pack(const std::vector<Real>& size, int bins,
                      const std::vector<Real>& speed = {}) {
    const std::size_t n = size.size(), b = static_cast<std::size_t>(bins), room = n / b;
    Packing out{std::vector<int>(n), std::vector<int>(n)};
    if (room == 1 && speed.empty()) {
        std::iota(out.bin.begin(), out.bin.end(), 0);
        return out;
    }
    std::vector<Real> load(b);
    std::vector<std::size_t> held(b);
    for (const int item : by_decreasing(size)) {
        const auto i = static_cast<std::size_t>(item);
        std::size_t best = b;
        Real best_load{};
        for (std::size_t bin = 0; bin < b; ++bin) {
            if (held[bin] == room) continue;
            const Real at = speed.empty() ? load[bin] : (load[bin] + size[i]) / speed[bin];
            if (best == b || at < best_load) {
                best = bin;
                best_load = at;
            }
        }
        out.bin[i] = static_cast<int>(best);
        out.rank[i] = static_cast<int>(held[best]++);
        load[best] += size[i];
    }
    return out;
}

/// The placement in which expert e of layer l is on GPU gpu_of[l][e]; a GPU's experts are in
/// ascending order. One replica each.
Placement one_copy_each(const std::vector<std::vector<int>>& gpu_of, const PlacementInput& input);

/// Load of each bin. [bins]
std::vector<double> load_of_bins(const std::vector<double>& load, const std::vector<int>& bin,
                                 int bins);

/// Share of a layer's load that finds a replica of its expert in its own node when every node has
/// the same tokens: sum over e of weight_e nodes(e) / (nodes sum of weights); 1 when nothing is
/// loaded.
double node_local_share(const Placement& placement, int layer, const PlacementInput& input);

}  // namespace moesim::scenarios
