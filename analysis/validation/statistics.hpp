#pragma once

#include <string>
#include <vector>

namespace moesim::analysis {

/// Errors of predictions against published values, of n > 0 pairs.
struct ErrorSummary {
    double mape = 0;  // mean |p / v - 1|
    double median_ape = 0, p90_ape = 0;
    double bias = 0;          // mean (p / v - 1)
    double mean_abs_log = 0;  // mean |ln(p / v)|
};
ErrorSummary summarise(const std::vector<double>& published, const std::vector<double>& predicted);

/// The q-quantile (0 to 1) of values, interpolated between order statistics. n > 0.
double quantile(std::vector<double> values, double q);

/// Kendall's tau-b of two rankings of the same items: (concordant - discordant) pairs over the
/// geometric mean of pairs untied in each. [n] each; 0 when either is one big tie.
/// Source: M. G. Kendall, The treatment of ties in ranking problems, Biometrika 33 (1945).
double kendall_tau_b(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace moesim::analysis
