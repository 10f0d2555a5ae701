#pragma once

#include <vector>

namespace moesim::models {

/// How uneven a load vector is. load  [items] counts or shares, none negative, not all zero.
/// Work out one vector at a time: the mean of per-step maxima is larger than the maximum of a mean.

/// Greatest over mean load: what an expert or GPU slows a compute-bound layer by.
double max_over_mean(const std::vector<double>& load);
/// (max - mean) / mean. Source: arXiv:2408.15664, section 3 (MaxVio).
double max_vio(const std::vector<double>& load);
/// Standard deviation over mean, of the whole population.
double coefficient_of_variation(const std::vector<double>& load);
/// Mean difference of two items over twice the mean: 0 when equal, (n - 1) / n when one has all.
double gini(const std::vector<double>& load);
/// - sum p ln p / ln n: 1 when equal, 0 when one has all (or there is but one item).
double normalised_entropy(const std::vector<double>& load);
/// - sum p ln p of the vector scaled to sum 1, in nat.
double entropy(const std::vector<double>& load);

}  // namespace moesim::models
