#include "topologies/residual_grid.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace moesim::topologies {
namespace {

constexpr double kOctave = 0.6931471805599453;
constexpr double kLeast = 1e-9;

double log_of(double size) { return std::log(std::max(size, kLeast)); }

}  // namespace

ResidualGrid::ResidualGrid(std::array<std::vector<double>, 3> axes, std::vector<double> log_ratio)
    : axes_{std::move(axes)}, log_ratio_{std::move(log_ratio)} {
    assert(axes_[0].size() * axes_[1].size() * axes_[2].size() == log_ratio_.size() &&
           "one value for each node");
    for (std::size_t d = 0; d < 3; ++d)
        for (const double size : axes_[d]) log_axes_[d].push_back(log_of(size));
}

ResidualGrid::Corners ResidualGrid::corners(const Sizes& sizes) const {
    std::array<std::size_t, 3> low{}, step{};
    std::array<double, 3> share{};
    for (std::size_t d = 0; d < 3; ++d) {
        const std::vector<double>& axis = log_axes_[d];
        if (axis.size() < 2) continue;
        const double x = log_of(sizes[d]);
        const auto above = std::upper_bound(axis.begin() + 1, axis.end() - 1, x);
        low[d] = static_cast<std::size_t>(above - axis.begin()) - 1;
        step[d] = 1;
        share[d] = std::clamp((x - axis[low[d]]) / (axis[low[d] + 1] - axis[low[d]]), 0.0, 1.0);
    }
    Corners out;
    for (std::size_t c = 0; c < 8; ++c) {
        std::size_t node = 0;
        double weight = 1;
        for (std::size_t d = 0; d < 3; ++d) {
            const bool up = (c >> d) & 1;
            node = node * log_axes_[d].size() + low[d] + (up ? step[d] : 0);
            weight *= up ? share[d] : 1 - share[d];
        }
        out.node[c] = node;
        out.weight[c] = weight;
    }
    return out;
}

double ResidualGrid::at(const Sizes& sizes) const {
    if (empty()) return 0;
    const Corners around = corners(sizes);
    double sum = 0;
    for (std::size_t c = 0; c < 8; ++c) sum += around.weight[c] * log_ratio_[around.node[c]];
    return sum;
}

double ResidualGrid::outside(const Sizes& sizes) const {
    if (empty()) return 0;
    double sum = 0;
    for (std::size_t d = 0; d < 3; ++d) {
        const double x = log_of(sizes[d]);
        const double off =
            std::max({0.0, log_axes_[d].front() - x, x - log_axes_[d].back()}) / kOctave;
        sum += off * off;
    }
    return std::sqrt(sum);
}

}  // namespace moesim::topologies
