#include "analysis/calibration/fit.hpp"

#include <catch2/catch.hpp>
#include <cmath>

namespace {

using namespace moesim::analysis;

TEST_CASE("fit: the simplex search finds the least value of a valley") {
    // (x - 3)^2 + 10 (y + 1)^2 is least, 0, at (3, -1).
    const auto at = minimise(
        [](const std::vector<double>& x) {
            return (x[0] - 3) * (x[0] - 3) + 10 * (x[1] + 1) * (x[1] + 1);
        },
        {0, 0}, 100, 2);
    CHECK(at[0] == Approx(3).margin(1e-3));
    CHECK(at[1] == Approx(-1).margin(1e-3));
}

TEST_CASE("fit: residuals take up what the form misses, around what they do not scale") {
    // Measured: 5 us fixed plus a kernel that takes twice its form below 100 rows and as long as it
    // from 1600 on. One row in ten is wild (ten times): the least absolute error leaves it aside.
    std::vector<Prediction> predicted;
    std::vector<double> seconds;
    for (int i = 0; i < 400; ++i) {
        const double rows = i % 2 ? 100 : 1600;
        Prediction p;
        p.fixed_s = 5e-6;
        p.terms[0] = {20e-6, {rows, 1, 1}};
        predicted.push_back(p);
        seconds.push_back((5e-6 + 20e-6 * (i % 2 ? 2 : 1)) * (i % 10 == 3 ? 10 : 1));
    }
    const auto grid = fit_residuals({{{100, 1600}, {1}, {1}}}, predicted, seconds);
    CHECK(std::exp(grid.at({100, 1, 1})) == Approx(2).epsilon(0.03));
    CHECK(std::exp(grid.at({1600, 1, 1})) == Approx(1).epsilon(0.03));
    // Half of the way in ln(rows): the geometric mean, sqrt(2).
    CHECK(std::exp(grid.at({400, 1, 1})) == Approx(std::sqrt(2)).epsilon(0.03));
}

TEST_CASE("fit: quality is the spread of relative errors") {
    // Errors 0, 1, ..., 10 %: the median is 5 %, nine tenths are within 9 %.
    std::vector<double> predicted, measured;
    for (int i = 0; i <= 10; ++i) {
        predicted.push_back(1 + 0.01 * i);
        measured.push_back(1);
    }
    const Quality q = quality(predicted, measured);
    CHECK(q.shapes == 11);
    CHECK(q.median == Approx(0.05));
    CHECK(q.p90 == Approx(0.09));
    CHECK(quality({}, {}).shapes == 0);
}

TEST_CASE("fit: one shape in five is held out, always the same ones") {
    int held = 0;
    for (int i = 0; i < 10000; ++i) held += held_out(std::vector<double>{1.0 * i, 7.0});
    CHECK(held == Approx(2000).epsilon(0.1));
    CHECK(held_out(std::vector<double>{3, 7}) == held_out(std::vector<double>{3, 7}));
}

}  // namespace
