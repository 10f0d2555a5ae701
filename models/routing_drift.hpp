#pragma once

#include <cstdint>
#include <vector>

#include "sim/input.hpp"

namespace moesim::models {

/// How far expert loads have wandered since they were counted, `step` optimizer steps ago.
///
///     drift = { step = 20000 }                       # all else by default
///     drift = { step = 500, rate = 5e-4, transient_rate = 1e-2, transient = 1000 }
///
/// The logarithm of each share walks at random, apart in each kind, then the shares are scaled to
/// sum 1. One step's spread is rate + (transient_rate - rate) exp(-t / transient) at step t: swings
/// early, stable later. Two steps of one seed lie on one path, so what changes between them is what
/// a placement must follow.
///
/// Source of the form: arXiv:2404.16914 (a transient state, then a stable one with temporal
/// locality). Of the default rate: there, simple predictors of an expert's load share are off by
/// 1.3 % and 1.8 % over the next 1,000 and 2,000 stable steps; a walk's mean error is
/// sqrt(2 / pi) rate sqrt(steps), so 5.2e-4 and 5.0e-4. Left out: that shares are held back from
/// wandering for ever, so use it for less than about 1e6 steps.
struct Drift {
    std::int64_t step = 0;
    double rate = 5e-4;
    double transient_rate = 5e-4;
    double transient = 1000;  // steps
    std::uint64_t seed = 0;

    /// Variance of a log-share's walk after `steps` steps.
    [[nodiscard]] double variance(double steps) const;
    /// The walk of one expert at `step`, of mean 0 and that variance; key names the path.
    [[nodiscard]] double walk(std::uint64_t layer, std::uint64_t kind, std::uint64_t expert) const;
    /// Load vectors of a layer after the drift, none above `most` (1 / top_k).
    /// [kinds][experts], each sums to 1
    [[nodiscard]] std::vector<std::vector<double>> apply(std::vector<std::vector<double>> share,
                                                         int layer, double most) const;
};

/// The drift of the sub-table `drift`; none (step 0) when absent. Throws sim::InputError.
Drift read_drift(sim::Table& in, std::uint64_t seed);

}  // namespace moesim::models
