#include "models/routing_drift.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "models/sampling.hpp"

namespace moesim::models {
namespace {

constexpr std::uint64_t kWalk = 5;  // stream of random numbers
constexpr std::int64_t kLongestWalk = std::int64_t{1} << 40;

}  // namespace

double Drift::variance(double steps) const {
    // integral of (r + a e^(-t/T))^2 = r^2 t + 2 r a T (1 - e^(-t/T)) + a^2 T/2 (1 - e^(-2t/T))
    const double early = transient_rate - rate;
    if (early == 0) return rate * rate * steps;
    const double faded = -std::expm1(-steps / transient);
    const double faded_twice = -std::expm1(-2 * steps / transient);
    return rate * rate * steps + 2 * rate * early * transient * faded +
           early * early * transient / 2 * faded_twice;
}

double Drift::walk(std::uint64_t layer, std::uint64_t kind, std::uint64_t expert) const {
    if (step == 0) return 0;
    // Levy's construction: the far end first, then midpoints on the way down to `step`, each drawn
    // given its two neighbours and named by itself, so that every step of a path agrees.
    std::int64_t low = 0, high = 1;
    const auto draw = [&](std::int64_t at) {
        Random random{kWalk, seed, layer, kind, expert, static_cast<std::uint64_t>(at)};
        return gauss(random);
    };
    const auto var = [&](std::int64_t t) { return variance(static_cast<double>(t)); };
    double at_low = 0, at_high = std::sqrt(var(1)) * draw(1);
    while (high < step) {  // beyond the end: independent increments over doubling spans
        low = high;
        at_low = at_high;
        high *= 2;
        at_high += std::sqrt(std::max(0.0, var(high) - var(low))) * draw(high);
    }
    while (high != step) {
        const std::int64_t middle = low + (high - low) / 2;
        const double before = var(middle) - var(low), after = var(high) - var(middle);
        const double all = before + after;
        const double part = all > 0 ? before / all : 0.5;
        const double spread = all > 0 ? std::sqrt(before * after / all) : 0;
        const double at_middle = at_low + part * (at_high - at_low) + spread * draw(middle);
        const bool down = step <= middle;
        (down ? high : low) = middle;
        (down ? at_high : at_low) = at_middle;
    }
    return at_high;
}

std::vector<std::vector<double>> Drift::apply(std::vector<std::vector<double>> share, int layer,
                                              double most) const {
    if (step == 0) return share;
    for (std::size_t k = 0; k < share.size(); ++k) {
        for (std::size_t e = 0; e < share[k].size(); ++e)
            share[k][e] *= std::exp(walk(static_cast<std::uint64_t>(layer), k, e));
        share[k] = capped(std::move(share[k]), most);
    }
    return share;
}

Drift read_drift(sim::Table& in, std::uint64_t seed) {
    Drift out;
    out.seed = seed;
    if (!in.has("drift")) {
        in.ignore("drift");
        return out;
    }
    sim::Table table = in.table("drift");
    out.step = table.count("step", 0);
    if (out.step > kLongestWalk) table.fail("step", "more than 2^40 steps");
    out.rate = table.number("rate", 0, 1, out.rate);
    out.transient_rate = table.number("transient_rate", 0, 1, out.rate);
    out.transient = table.number("transient", 1, 1e12, out.transient);
    // beyond this the walk says nothing, and exp() of it could overflow
    if (out.variance(static_cast<double>(out.step)) > 100)
        table.fail("step", "the loads' logarithms would wander by more than 10",
                   "fewer steps or a smaller rate");
    return out;
}

}  // namespace moesim::models
