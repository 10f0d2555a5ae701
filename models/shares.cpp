#include "models/shares.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim::models {
namespace {

constexpr double kLeastShare = 1e-12;

void normalise(std::vector<double>& share) {
    const double sum = std::accumulate(share.begin(), share.end(), 0.0);
    for (double& s : share) s /= sum;
}

/// Experts from the least to the greatest mean share; ties by index.
std::vector<std::size_t> order_by_mean(const std::vector<std::vector<double>>& share) {
    std::vector<double> sum(share[0].size());
    for (const auto& domain : share)
        for (std::size_t e = 0; e < sum.size(); ++e) sum[e] += domain[e];
    std::vector<std::size_t> order(sum.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return sum[a] < sum[b]; });
    return order;
}

/// Two neighbours of a target expert and the weight of the upper one.
struct Position {
    std::size_t below, above;
    double upper;
};

Position position(std::size_t target, std::size_t targets, std::size_t sources, Resample how) {
    const double last = static_cast<double>(sources - 1);
    // measured expert j fills [j, j + 1) and its share stands at j + 1/2
    double at = (static_cast<double>(target) + 0.5) * static_cast<double>(sources) /
                    static_cast<double>(targets) -
                0.5;
    if (how == Resample::nearest) at = std::floor(at + 0.5);
    at = std::clamp(at, 0.0, last);
    const double floor = std::floor(at);
    const auto below = static_cast<std::size_t>(floor);
    return {below, std::min(below + 1, sources - 1), at - floor};
}

}  // namespace

std::vector<std::vector<double>> resample(const std::vector<std::vector<double>>& share,
                                          int experts, Resample how) {
    const std::size_t sources = share[0].size();
    const auto targets = static_cast<std::size_t>(experts);
    if (targets == sources) return share;
    const auto order = order_by_mean(share);
    std::vector<std::vector<double>> out(share.size(), std::vector<double>(targets));
    for (std::size_t i = 0; i < targets; ++i) {
        const Position p = position(i, targets, sources, how);
        for (std::size_t d = 0; d < share.size(); ++d) {
            const double low = std::log(std::max(share[d][order[p.below]], kLeastShare));
            const double high = std::log(std::max(share[d][order[p.above]], kLeastShare));
            out[d][i] = std::exp(low + p.upper * (high - low));
        }
    }
    for (auto& domain : out) normalise(domain);
    return out;
}

std::vector<std::vector<double>> tilt_to_uniform(std::vector<std::vector<double>> share,
                                                 const std::vector<double>& weight) {
    const std::size_t experts = share[0].size();
    for (auto& domain : share) {
        for (double& s : domain) s = std::max(s, kLeastShare);
        normalise(domain);
    }
    constexpr double kClose = 1e-10;
    constexpr int kMostRounds = 100'000;
    std::vector<double> mixture(experts);
    for (int round = 0; round < kMostRounds; ++round) {
        std::fill(mixture.begin(), mixture.end(), 0.0);
        for (std::size_t d = 0; d < share.size(); ++d)
            for (std::size_t e = 0; e < experts; ++e) mixture[e] += weight[d] * share[d][e];
        double worst = 0;
        for (double& m : mixture) {
            m *= static_cast<double>(experts);
            worst = std::max(worst, std::abs(m - 1));
        }
        if (worst < kClose) break;
        for (auto& domain : share) {
            for (std::size_t e = 0; e < experts; ++e) domain[e] /= mixture[e];
            normalise(domain);
        }
    }
    return share;
}

}  // namespace moesim::models
