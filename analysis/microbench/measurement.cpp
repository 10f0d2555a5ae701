#include "analysis/microbench/measurement.hpp"

#include <algorithm>

namespace moesim::microbench {

Spread spread(std::vector<double> samples) {
    if (samples.empty()) return {};
    std::sort(samples.begin(), samples.end());
    const auto at = [&](double share) {
        const double place = share * static_cast<double>(samples.size() - 1);
        const auto below = static_cast<std::size_t>(place);
        const std::size_t above = std::min(below + 1, samples.size() - 1);
        return samples[below] +
               (place - static_cast<double>(below)) * (samples[above] - samples[below]);
    };
    return {static_cast<int>(samples.size()), at(0.5), at(0.1), at(0.9)};
}

}  // namespace moesim::microbench
