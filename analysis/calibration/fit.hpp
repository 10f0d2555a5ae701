#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "topologies/residual_grid.hpp"

namespace moesim::analysis {

/// A predicted time: what residuals scale (at most two kernels), and what they do not.
struct Prediction {
    struct Term {
        double seconds = 0;
        topologies::ResidualGrid::Sizes sizes{};
    };
    double fixed_s = 0;
    std::array<Term, 2> terms{};

    [[nodiscard]] double seconds(const topologies::ResidualGrid& residual) const;
};

/// Where a cost has its least value near `start`, by the simplex search of Nelder and Mead (The
/// Computer Journal 7, 1965), begun anew `restarts` times.
std::vector<double> minimise(const std::function<double(const std::vector<double>&)>& cost,
                             std::vector<double> start, int steps, int restarts);

/// A grid of residuals that makes predictions meet the measured seconds: least absolute errors of
/// ln(time), by reweighting. Nodes without a measurement nearby take the nearest one's value.
topologies::ResidualGrid fit_residuals(const std::array<std::vector<double>, 3>& axes,
                                       std::span<const Prediction> predicted,
                                       std::span<const double> seconds);

/// How far predictions are from measurements that no fit has seen.
struct Quality {
    std::size_t shapes = 0;
    double median = 0, p90 = 0;  // of |predicted / measured - 1|
    double sigma = 0;            // 68 % of the shapes are within it
};
Quality quality(std::span<const double> predicted, std::span<const double> measured);

/// True for one shape in five, by its sizes alone: these are held out.
bool held_out(std::span<const double> sizes);

/// `nodes` within what `sizes` cover; at least one remains.
std::vector<double> covered(std::vector<double> nodes, double least, double most);

}  // namespace moesim::analysis
