#include "scenarios/placements/chain.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "scenarios/placements/assignment.hpp"
#include "scenarios/placements/parts.hpp"

namespace moesim::scenarios {
namespace {

constexpr std::uint64_t kStream = 0xc4a1;  // keeps these draws apart from other users of the seed
constexpr double kRounding = 1e-9;         // smaller savings are noise of summation
constexpr std::uint32_t kMostShaken = 4;   // layers at a time
constexpr std::size_t kMostWays = 20000;

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// Exchanges whole GPUs where that brings them nearer; loads stay what they were. The saving.
double relabel(Layout& layout, const Pull& pull, int gpus) {
    std::vector<std::vector<double>> cost(at(gpus), std::vector<double>(at(gpus)));
    for (std::size_t e = 0; e < layout.gpu.size(); ++e)
        for (int to = 0; to < gpus; ++to) cost[at(layout.gpu[e])][at(to)] -= pull.saved(e, to);
    const std::vector<int> to = assign(cost);
    double now = 0, then = 0;
    for (int g = 0; g < gpus; ++g) {
        now += cost[at(g)][at(g)];
        then += cost[at(g)][at(to[at(g)])];
    }
    if (now - then <= kRounding * std::abs(now)) return 0;
    std::vector<double> load(layout.load.size());
    for (int g = 0; g < gpus; ++g) load[at(to[at(g)])] = layout.load[at(g)];
    layout.load = std::move(load);
    for (int& gpu : layout.gpu) gpu = to[at(gpu)];
    return now - then;
}

/// How alike the futures of two experts are: sum over next experts of the product of transitions.
Ties alike(const Ties& after) {
    Ties out(after.size(), std::vector<double>(after.size()));
    for (std::size_t a = 0; a < after.size(); ++a)
        for (std::size_t b = a + 1; b < after.size(); ++b)
            out[a][b] = out[b][a] =
                std::inner_product(after[a].begin(), after[a].end(), after[b].begin(), 0.0);
    return out;
}

}  // namespace

Chain::Chain(const PlacementInput& input, double tolerance, double across)
    : in_{input}, tolerance_{tolerance}, apart_{input.gpus, input.nodes, across} {}

const std::vector<double>& Chain::weight(int layer) const { return in_.weight[at(layer)]; }
const Ties& Chain::after(int layer) const { return in_.follows[at(layer)]; }

double Chain::cost(const std::vector<int>& below, const std::vector<int>& above, int layer) const {
    double out = 0;
    for (std::size_t a = 0; a < below.size(); ++a) {
        const std::vector<double>& times = after(layer)[a];
        for (std::size_t b = 0; b < above.size(); ++b) out += times[b] * apart_(below[a], above[b]);
    }
    return out;
}

double Chain::cost(const GpuOf& gpu) const {
    double out = 0;
    for (int l = 0; l + 1 < layers(); ++l) out += cost(gpu[at(l)], gpu[at(l + 1)], l);
    return out;
}

double Chain::cost(const Layouts& layouts, int first, int last) const {
    double out = 0;
    for (int l = std::max(0, first - 1); l <= last && l + 1 < layers(); ++l)
        out += cost(layouts[at(l)].gpu, layouts[at(l + 1)].gpu, l);
    return out;
}

double Chain::exact_steps() const {
    const double n = static_cast<double>(weight(0).size()), p = in_.gpus;
    const double ways = std::exp(std::lgamma(n + 1) - p * std::lgamma(n / p + 1));
    if (ways > kMostWays) return std::numeric_limits<double>::infinity();
    return ways * ways * n * (layers() - 1);
}

Chain::GpuOf Chain::exact() const {
    std::vector<GpuOf> ways;                     // [layers][placements][experts]
    std::vector<std::vector<std::size_t>> from;  // [layers][placements] best placement before
    std::vector<double> least;                   // [placements] cheapest way to end there
    for (int l = 0; l < layers(); ++l) {
        auto all = all_layouts(weight(l), in_.gpus, tolerance_, kMostWays);
        if (!all) throw std::logic_error("transition_aware: too many placements for exact()");
        std::vector<double> cheapest(all->size(), std::numeric_limits<double>::infinity());
        std::vector<std::size_t> best(all->size());
        if (l == 0) cheapest.assign(all->size(), 0.0);
        for (std::size_t w = 0; l > 0 && w < ways.back().size(); ++w) {
            Ties ties(at(in_.gpus), std::vector<double>(weight(l).size()));
            add_rows(ties, after(l - 1), ways.back()[w]);
            const Pull drawn{apart_, ties};
            for (std::size_t v = 0; v < all->size(); ++v) {
                double c = least[w];
                for (std::size_t e = 0; e < weight(l).size(); ++e)
                    c -= drawn.saved(e, (*all)[v][e]);
                if (c < cheapest[v]) {
                    cheapest[v] = c;
                    best[v] = w;
                }
            }
        }
        ways.push_back(std::move(*all));
        from.push_back(std::move(best));
        least = std::move(cheapest);
    }
    GpuOf out(ways.size());
    auto w = static_cast<std::size_t>(std::min_element(least.begin(), least.end()) - least.begin());
    for (std::size_t l = ways.size(); l-- > 0;) {
        out[l] = ways[l][w];
        w = from[l][w];
    }
    return out;
}

Pull Chain::pull(const Layouts& layouts, int layer, bool both) const {
    Ties ties(at(in_.gpus), std::vector<double>(weight(layer).size()));
    if (layer > 0) add_rows(ties, after(layer - 1), layouts[at(layer - 1)].gpu);
    if (both && layer + 1 < layers()) add_columns(ties, after(layer), layouts[at(layer + 1)].gpu);
    return {apart_, ties};
}

double Chain::settle(Layouts& layouts, int layer, bool both) const {
    Layout& layout = layouts[at(layer)];
    Pull drawn = pull(layouts, layer, both);
    const double saving = relabel(layout, drawn, in_.gpus);
    return saving + descend(layout, weight(layer), apart_, drawn, nullptr);
}

void Chain::sweep(Layouts& layouts, int first, int last) const {
    for (double saving = 1; saving > 0;) {
        saving = 0;
        for (int l = first; l <= last; ++l) saving += settle(layouts, l, true);
        for (int l = last; l-- > first;) saving += settle(layouts, l, true);
    }
}

Chain::Layouts Chain::balanced_start() const {
    Layouts out;
    for (int l = 0; l < layers(); ++l)
        out.push_back(balanced_layout(weight(l), in_.gpus, tolerance_));
    return out;
}

/// The first layer's experts grouped by where their tokens go, every further layer drawn to the one
/// before it.
Chain::Layouts Chain::grown_start() const {
    Layouts out = balanced_start();
    if (layers() == 1) return out;
    const Ties inside = alike(after(0));
    Ties ties(at(in_.gpus), std::vector<double>(inside.size()));
    add_rows(ties, inside, out[0].gpu);
    Pull drawn{apart_, ties};
    descend(out[0], weight(0), apart_, drawn, &inside);
    for (int l = 1; l < layers(); ++l) settle(out, l, false);
    return out;
}

void Chain::shake_some(Layouts& best, int round) const {
    models::Random random{kStream, in_.seed, static_cast<std::uint64_t>(round)};
    const int first = static_cast<int>(random.below(static_cast<std::uint32_t>(layers())));
    const int last = std::min(layers() - 1, first + static_cast<int>(random.below(kMostShaken)));
    const int low = std::max(0, first - 1), high = std::min(layers() - 1, last + 1);
    const Layouts before(best.begin() + low, best.begin() + high + 1);
    const double was = cost(best, low, high);
    for (int l = first; l <= last; ++l)
        shake(best[at(l)], weight(l), random, std::max(1, static_cast<int>(weight(l).size()) / 16));
    sweep(best, low, high);
    if (cost(best, low, high) >= was) std::copy(before.begin(), before.end(), best.begin() + low);
}

Chain::GpuOf Chain::search(int rounds) const {
    const int last = layers() - 1;
    Layouts best = balanced_start();
    if (last > 0) {
        Layouts grown = grown_start();
        sweep(best, 0, last);
        sweep(grown, 0, last);
        if (cost(grown, 0, last) < cost(best, 0, last)) best = std::move(grown);
        for (int round = 0; round < rounds * layers(); ++round) shake_some(best, round);
    }
    GpuOf out;
    for (const Layout& layout : best) out.push_back(layout.gpu);
    return out;
}

}  // namespace moesim::scenarios
