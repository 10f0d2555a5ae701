#include <algorithm>
#include <limits>
#include <numeric>

#include "scenarios/layer_costs.hpp"
#include "scenarios/step.hpp"

namespace moesim::scenarios {
namespace {

/// Seconds of compute of every decoder layer, and of what the first and last stage hold besides.
struct Weights {
    std::vector<double> layers;
    double first = 0, last = 0;
};

Weights weigh(const Scenario& s) {
    double rows = 0;
    int experts = 0;
    for (const models::Layer& kind : s.model.kinds)
        if (kind.moe) {
            rows = s.tokens_per_rank() * kind.moe->top_k * s.parallel.expert_tensor;
            experts = kind.moe->experts / s.parallel.expert;
        }
    const LayerCosts costs{s, experts, rows, 1};
    const auto seconds = [&](const Item& item) {
        double sum = 0;
        for (int i = 0; i < kSegments; ++i) {
            const auto& ground = costs.get(item, static_cast<Segment>(i), false).ground;
            sum += std::accumulate(ground.begin(), ground.end(), 0.0);
        }
        return sum;
    };
    Weights out;
    for (const int kind : s.model.layers)
        out.layers.push_back(seconds({Item::Type::layer, 0, kind}));
    out.first = seconds({Item::Type::embedding});
    out.last = (1 + s.model.mtp_layers) * seconds({Item::Type::head}) +
               s.model.mtp_layers * (seconds({Item::Type::mtp_projection}) +
                                     seconds({Item::Type::layer, 0, s.model.mtp_layer_kind()}));
    return out;
}

}  // namespace

/// The split whose slowest stage is fastest; among those the most even one (least sum of squares).
/// Exact, by dynamic programming over (stage, layers so far), in stages x layers^2.
std::vector<int> balanced_layers(const Scenario& s, int stages) {
    const Weights w = weigh(s);
    const auto count = w.layers.size(), last = static_cast<std::size_t>(stages) - 1;
    std::vector<double> before(count + 1, 0);
    std::partial_sum(w.layers.begin(), w.layers.end(), before.begin() + 1);
    const auto stage_cost = [&](std::size_t stage, std::size_t from, std::size_t to) {
        return before[to] - before[from] + (stage == 0 ? w.first : 0) +
               (stage == last ? w.last : 0);
    };
    constexpr double kNever = std::numeric_limits<double>::infinity();
    std::vector<std::vector<std::size_t>> cut;  // [stages][layers up to its end] its begin
    const auto solve = [&](auto combine) {
        cut.assign(last + 1, std::vector<std::size_t>(count + 1, 0));
        std::vector<double> best(count + 1, kNever);
        best[0] = 0;
        for (std::size_t stage = 0; stage <= last; ++stage) {
            std::vector<double> next(count + 1, kNever);
            for (std::size_t to = 0; to <= count; ++to)
                for (std::size_t from = 0; from <= to; ++from) {
                    const double value = combine(best[from], stage_cost(stage, from, to));
                    if (value < next[to]) next[to] = value, cut[stage][to] = from;
                }
            best = std::move(next);
        }
        return best[count];
    };
    const double most = solve([](double a, double b) { return std::max(a, b); }) * (1 + 1e-12);
    solve([&](double a, double b) { return b > most ? kNever : a + b * b; });
    std::vector<int> out(last + 1);
    std::size_t to = count;
    for (std::size_t stage = last + 1; stage-- > 0; to = cut[stage][to])
        out[stage] = static_cast<int>(to - cut[stage][to]);
    return out;
}

}  // namespace moesim::scenarios
