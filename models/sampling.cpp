#include "models/sampling.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numbers>
#include <numeric>

namespace moesim::models {
namespace {

void normalise(std::vector<double>& share) {
    const double sum = std::accumulate(share.begin(), share.end(), 0.0);
    for (double& s : share) s /= sum;
}

}  // namespace

double gauss(Random& random) {
    const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
    return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

double log_gamma_draw(Random& random, double shape) {
    assert(shape > 0 && "a gamma distribution has a positive shape");
    if (shape < 1) {
        const double above = log_gamma_draw(random, shape + 1);
        return above + std::log(1 - random.uniform()) / shape;
    }
    const double d = shape - 1.0 / 3;
    const double c = 1 / std::sqrt(9 * d);
    while (true) {
        const double x = gauss(random);
        const double t = 1 + c * x;
        if (t <= 0) continue;
        const double log_v = 3 * std::log(t);
        if (std::log(1 - random.uniform()) < 0.5 * x * x + d - d * std::exp(log_v) + d * log_v)
            return std::log(d) + log_v;
    }
}

std::vector<double> dirichlet_draw(Random& random, int size, double concentration) {
    std::vector<double> out(static_cast<std::size_t>(size));
    for (double& x : out) x = log_gamma_draw(random, concentration);
    const double top = *std::max_element(out.begin(), out.end());
    for (double& x : out) x = std::exp(x - top);
    normalise(out);
    return out;
}

std::vector<double> capped(std::vector<double> share, double most) {
    assert(most * static_cast<double>(share.size()) > 1 - 1e-9 && "the cap leaves room for all");
    normalise(share);
    std::vector<bool> full(share.size(), false);
    for (std::size_t round = 0; round <= share.size(); ++round) {
        double rest = 1, free = 0;
        std::size_t open = 0;
        for (std::size_t e = 0; e < share.size(); ++e) {
            if (full[e]) rest -= most;
            if (!full[e]) free += share[e], ++open;
        }
        rest = std::max(rest, 0.0);
        // nothing left to be in proportion to: the rest is spread evenly
        bool again = false;
        for (std::size_t e = 0; e < share.size(); ++e) {
            if (full[e]) continue;
            share[e] = free > 0 ? share[e] * (rest / free) : rest / static_cast<double>(open);
            if (share[e] <= most) continue;
            share[e] = most;
            full[e] = again = true;
        }
        if (!again) break;
    }
    return share;
}

std::vector<std::vector<double>> dealt(const std::vector<std::vector<double>>& vectors,
                                       std::uint64_t seed, int layer) {
    constexpr std::uint64_t kExperts = 2;  // stream of random numbers
    const auto to = Random{kExperts, seed, static_cast<std::uint64_t>(layer)}.permutation(
        static_cast<int>(vectors[0].size()));
    auto out = vectors;
    for (std::size_t d = 0; d < vectors.size(); ++d)
        for (std::size_t e = 0; e < to.size(); ++e)
            out[d][static_cast<std::size_t>(to[e])] = vectors[d][e];
    return out;
}

}  // namespace moesim::models
