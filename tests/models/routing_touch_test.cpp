#include <catch2/catch.hpp>
#include <cmath>

#include "models/group_limited.hpp"
#include "models/touch_probability.hpp"
#include "tests/models/routing_support.hpp"

using namespace moesim;
using tests::routing;
using tests::routing_shape;
using tests::sum;

namespace {

std::vector<int> contiguous(int experts, int domains) {
    std::vector<int> out;
    for (int e = 0; e < experts; ++e) out.push_back(e / (experts / domains));
    return out;
}

}  // namespace

TEST_CASE("touches: equal shares touch as many nodes as the formula and the group rule say") {
    auto shape = routing_shape(256, 8, 1);
    const std::vector<double> even(256, 1.0 / 256);
    // 8 (1 - C(224, 8) / C(256, 8)) = 5.2947; a token's number has spread below 1.1, so 0.012 of
    // 8,000 tokens
    const double all = sum(models::touch_probability(shape, even, contiguous(256, 8), 8, 8000));
    CHECK(all == Approx(models::uniform_distinct(256, 8, 8)).margin(0.04));
    // best 4 of 8 groups by their two best scores: 3.954 by simulation in another language
    shape.groups = 8;
    shape.group_limit = 4;
    const double limited = sum(models::touch_probability(shape, even, contiguous(256, 8), 8, 8000));
    CHECK(limited == Approx(3.954).margin(0.02));
    CHECK(
        limited ==
        Approx(models::expected_distinct(shape, contiguous(256, 8), contiguous(256, 8), 8000).nodes)
            .margin(0.02));
}

TEST_CASE("touches: an expert is chosen as often as it was counted") {
    // each expert in a domain of its own: touches are then chances to be chosen, k x share
    const auto shape = routing_shape(64, 8, 16);
    const auto source = routing("kind = \"measured\"\n", shape);
    const auto own = contiguous(64, 64);
    for (const int layer : {0, 7, 15})
        for (const auto& share : source->layer(layer).share) {
            const auto chosen = models::touch_probability(shape, share, own, 64, 4000);
            CHECK(sum(chosen) == Approx(8));
            for (std::size_t e = 0; e < 64; ++e) {
                const double asked = std::min(1.0, 8 * share[e]);
                // four standard errors, and what is left of the approximation
                const double error = 4 * std::sqrt(asked * (1 - asked) / 4000) + 0.04;
                if (std::abs(chosen[e] - asked) > error)
                    FAIL("expert " << e << ": " << chosen[e] << ", counted " << asked);
            }
        }
}

TEST_CASE("touches: fitting keeps the loads where groups are left out") {
    auto shape = routing_shape(256, 8, 58);
    shape.groups = 8;
    shape.group_limit = 4;
    const auto source = routing("kind = \"measured\"\n", shape);
    const auto& share = source->layer(20).share[0];
    const auto own = contiguous(256, 256);
    const auto error = [&](int rounds) {
        const auto chosen = models::touch_probability(shape, share, own, 256, 4000, rounds);
        double squares = 0;
        for (std::size_t e = 0; e < 256; ++e) {
            const double d = chosen[e] - std::min(1.0, 8 * share[e]);
            squares += d * d / 256;
        }
        return std::sqrt(squares);
    };
    // 4,000 tokens scatter by sqrt(1/32 / 4000) = 0.003; the fit takes most of that away too
    CHECK(error(8) < 0.0015);
    CHECK(error(0) > 0.003);
}

TEST_CASE("touches: a domain with no wanted expert is never touched, one with all always") {
    const auto shape = routing_shape(8, 2, 1);
    const std::vector<double> share{0.25, 0.25, 0.25, 0.25, 0, 0, 0, 0};
    const auto got = models::touch_probability(shape, share, contiguous(8, 2), 2);
    CHECK(got[0] == 1);
    CHECK(got[1] == 0);
}

TEST_CASE("touches: answers are kept, and are those of the free function") {
    const auto shape = routing_shape(64, 8, 16);
    const auto source = routing("kind = \"measured\"\n", shape);
    models::TouchSampler sampler{shape, 500};
    const auto& share = source->layer(7).share[1];
    const auto& first = sampler.get(share, contiguous(64, 8), 8);
    CHECK(&first == &sampler.get(share, contiguous(64, 8), 8));
    CHECK(first == models::touch_probability(shape, share, contiguous(64, 8), 8, 500));
    CHECK(first != sampler.get(source->layer(7).share[2], contiguous(64, 8), 8));
}
