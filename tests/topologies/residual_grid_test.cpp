#include "topologies/residual_grid.hpp"

#include <catch2/catch.hpp>
#include <cmath>

namespace {

using moesim::topologies::ResidualGrid;

/// ln(measured / form) = 0, 1 at rows 1, 4; 10 more at columns 16; depth does not matter.
ResidualGrid grid() { return {{{{1, 4}, {1, 16}, {8}}}, {0, 10, 1, 11}}; }

TEST_CASE("residual grid: nodes are met, and between them it is linear in the logarithms") {
    CHECK(grid().at({1, 1, 8}) == Approx(0).margin(1e-12));
    CHECK(grid().at({4, 1, 8}) == Approx(1));
    CHECK(grid().at({4, 16, 8}) == Approx(11));
    // Rows 2 are half of the way from 1 to 4, columns 4 half of the way from 1 to 16: 0.5 + 5.
    CHECK(grid().at({2, 4, 8}) == Approx(5.5));
}

TEST_CASE("residual grid: beyond its border it stays as it is there, and says how far away") {
    CHECK(grid().at({64, 1, 1000}) == Approx(1));
    CHECK(grid().at({0, 1, 8}) == Approx(0).margin(1e-12));
    CHECK(grid().outside({2, 4, 8}) == 0);
    CHECK(grid().outside({16, 4, 8}) == Approx(2));  // two octaves of rows
    // Three octaves of rows, four of columns: 5 together.
    CHECK(grid().outside({32, 256, 8}) == Approx(5));
    CHECK(ResidualGrid{}.at({1, 1, 1}) == 0);
    CHECK(ResidualGrid{}.outside({1, 1, 1}) == 0);
}

}  // namespace
