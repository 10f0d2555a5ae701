#include "analysis/microbench/sampling.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::microbench {
namespace {

constexpr double kSample = 1e-3, kAll = 150e-3;
constexpr int kFewest = 7, kMost = 25, kMostInner = 1000;

}  // namespace

Sampling sampling(double once, int sets) {
    once = std::max(once, 1e-7);
    const int wanted =
        static_cast<int>(std::min(std::ceil(kSample / once - 1e-9), 1.0 * kMostInner));
    const int rounds = (std::max(wanted, 1) + sets - 1) / sets;
    const int inner = rounds * sets;
    const double fit = kAll / (inner * once);
    const int samples = std::clamp(static_cast<int>(std::min(fit, 1.0 * kMost)), kFewest, kMost);
    return {samples, inner};
}

int data_sets(double bytes, double l2_bytes, double free_bytes) {
    if (bytes <= 0) return 1;
    const double wanted = std::clamp(std::ceil(3 * l2_bytes / bytes), 1.0, 16.0);
    return static_cast<int>(std::max(1.0, std::min(wanted, std::floor(free_bytes / bytes))));
}

}  // namespace moesim::microbench
