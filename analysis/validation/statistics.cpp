#include "analysis/validation/statistics.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::analysis {

double quantile(std::vector<double> values, double q) {
    std::sort(values.begin(), values.end());
    const double at = q * static_cast<double>(values.size() - 1);
    const auto i = static_cast<std::size_t>(at);
    if (i + 1 >= values.size()) return values.back();
    return values[i] + (values[i + 1] - values[i]) * (at - static_cast<double>(i));
}

ErrorSummary summarise(const std::vector<double>& published, const std::vector<double>& predicted) {
    ErrorSummary out;
    std::vector<double> apes;
    const auto n = static_cast<double>(published.size());
    for (std::size_t i = 0; i < published.size(); ++i) {
        const double off = predicted[i] / published[i] - 1;
        apes.push_back(std::abs(off));
        out.mape += std::abs(off) / n;
        out.bias += off / n;
        out.mean_abs_log += std::abs(std::log(predicted[i] / published[i])) / n;
    }
    out.median_ape = quantile(apes, 0.5);
    out.p90_ape = quantile(apes, 0.9);
    return out;
}

double kendall_tau_b(const std::vector<double>& a, const std::vector<double>& b) {
    double balance = 0, untied_a = 0, untied_b = 0;
    const auto sign = [](double x) { return (x > 0) - (x < 0); };
    for (std::size_t i = 0; i < a.size(); ++i)
        for (std::size_t j = i + 1; j < a.size(); ++j) {
            const int x = sign(a[i] - a[j]), y = sign(b[i] - b[j]);
            balance += x * y;
            untied_a += x != 0;
            untied_b += y != 0;
        }
    return untied_a > 0 && untied_b > 0 ? balance / std::sqrt(untied_a * untied_b) : 0;
}

}  // namespace moesim::analysis
