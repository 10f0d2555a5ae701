#pragma once

#include <array>
#include <vector>

namespace moesim::topologies {

/// Measured over form, on a coarse grid of three sizes: multilinear in their logarithms, constant
/// beyond the border.
///
/// axes      three ascending lists of sizes (rows, columns, depth for a matrix product)
/// log_ratio [axes 0][axes 1][axes 2], last axis fastest: ln(measured / form)
class ResidualGrid {
public:
    using Sizes = std::array<double, 3>;

    ResidualGrid() = default;
    ResidualGrid(std::array<std::vector<double>, 3> axes, std::vector<double> log_ratio);

    [[nodiscard]] bool empty() const { return log_ratio_.empty(); }
    /// ln(measured / form) at some sizes; 0 for an empty grid.
    [[nodiscard]] double at(const Sizes& sizes) const;
    /// Octaves from the grid's border to the sizes; 0 inside.
    [[nodiscard]] double outside(const Sizes& sizes) const;

    /// The nodes around some sizes and their weights, which add up to one.
    struct Corners {
        std::array<std::size_t, 8> node{};
        std::array<double, 8> weight{};
    };
    [[nodiscard]] Corners corners(const Sizes& sizes) const;

    [[nodiscard]] const std::array<std::vector<double>, 3>& axes() const { return axes_; }
    [[nodiscard]] const std::vector<double>& log_ratio() const { return log_ratio_; }
    [[nodiscard]] std::vector<double>& log_ratio() { return log_ratio_; }

private:
    std::array<std::vector<double>, 3> axes_;
    std::array<std::vector<double>, 3> log_axes_;
    std::vector<double> log_ratio_;
};

}  // namespace moesim::topologies
