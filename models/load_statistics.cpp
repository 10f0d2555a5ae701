#include "models/load_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim::models {
namespace {

double sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

}  // namespace

double max_over_mean(const std::vector<double>& load) {
    return *std::max_element(load.begin(), load.end()) * static_cast<double>(load.size()) /
           sum(load);
}

double max_vio(const std::vector<double>& load) { return max_over_mean(load) - 1; }

double coefficient_of_variation(const std::vector<double>& load) {
    const double mean = sum(load) / static_cast<double>(load.size());
    double squares = 0;
    for (const double x : load) squares += (x - mean) * (x - mean);
    return std::sqrt(squares / static_cast<double>(load.size())) / mean;
}

double gini(const std::vector<double>& load) {
    std::vector<double> sorted = load;
    std::sort(sorted.begin(), sorted.end());
    const auto n = static_cast<double>(sorted.size());
    // sum over pairs |x_i - x_j| = 2 sum_i (2 i - n + 1) x_i for sorted x, i from 0
    double weighted = 0;
    for (std::size_t i = 0; i < sorted.size(); ++i)
        weighted += (2 * static_cast<double>(i) - n + 1) * sorted[i];
    return weighted / (n * sum(load));
}

double entropy(const std::vector<double>& load) {
    const double all = sum(load);
    double out = 0;
    for (const double x : load)
        if (x > 0) out -= x / all * std::log(x / all);
    return out;
}

double normalised_entropy(const std::vector<double>& load) {
    return load.size() > 1 ? entropy(load) / std::log(static_cast<double>(load.size())) : 0;
}

}  // namespace moesim::models
