#include "analysis/validation/statistics.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace moesim::analysis;

TEST_CASE("statistics: errors of four predictions") {
    // Ratios 1.1, 0.8, 1.0, 1.5: errors 0.1, 0.2, 0, 0.5; sorted 0, 0.1, 0.2, 0.5.
    const ErrorSummary e = summarise({10, 10, 10, 10}, {11, 8, 10, 15});
    CHECK(e.mape == Approx(0.2));
    CHECK(e.bias == Approx(0.1));
    CHECK(e.median_ape == Approx(0.15));
    CHECK(e.p90_ape == Approx(0.2 + 0.7 * 0.3));  // at 0.9 x 3 = 2.7
    CHECK(e.mean_abs_log == Approx((std::log(1.1) - std::log(0.8) + std::log(1.5)) / 4));
}

TEST_CASE("statistics: tau-b counts ties in neither ranking") {
    CHECK(kendall_tau_b({1, 2, 3}, {10, 20, 30}) == Approx(1));
    CHECK(kendall_tau_b({1, 2, 3}, {30, 20, 10}) == Approx(-1));
    // Five layouts, published {17.6, 17.6, 19.7, 24.2, 29.0}: ten pairs, one tied there, nine
    // right.
    CHECK(kendall_tau_b({17.6, 17.6, 19.7, 24.2, 29.0}, {17, 18, 20, 22, 30}) ==
          Approx(9 / std::sqrt(9.0 * 10.0)));
    CHECK(kendall_tau_b({1, 1, 1}, {1, 2, 3}) == 0);
}
