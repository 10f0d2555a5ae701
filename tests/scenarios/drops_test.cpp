#include <catch2/catch.hpp>
#include <numeric>

#include "models/routing_modifiers.hpp"
#include "scenarios/loads.hpp"
#include "scenarios/meeting.hpp"
#include "tests/scenarios/small.hpp"

using namespace moesim;
using namespace moesim::scenarios;

namespace {

double sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

/// Layer 0, micro-batch 0 of the small scenario on 16 ranks, at capacity factor 1.
ExchangeLoad load(const std::string& more) {
    const Scenario s =
        small({"routing={kind=\"measured\",resample=\"nearest\",bias_balanced=false,capacity_"
               "factor=1.0," +
               more + "}"});
    std::vector<int> gpus(16);
    std::iota(gpus.begin(), gpus.end(), 0);
    return Loads{s, gpus}.get(0, 0, 0, false);
}

}  // namespace

TEST_CASE("meeting: late tokens lose several experts at once, so they meet fewer domains") {
    // Two experts of one domain, each chosen by half of the tokens and keeping half of those.
    // By weight: 1 - (1 - 0.25)^2 = 0.4375. Last ones: the first half of tokens has both,
    // 1 - 0.5^2 = 0.75, the other half none: 0.375.
    Meeting light{1, false}, last{1, true};
    for (int expert = 0; expert < 2; ++expert) {
        light.add(0, 0.5, 0.5);
        last.add(0, 0.5, 0.5);
    }
    CHECK(light.chance(0) == Approx(0.4375));
    CHECK(last.chance(0) == Approx(0.375));
    // One that keeps all and one that keeps a quarter: 0.25 x (1 - 0.25) + 0.75 x 0.5.
    Meeting mixed{2, true};
    mixed.add(1, 0.5, 1);
    mixed.add(1, 0.5, 0.25);
    CHECK(mixed.chance(1) == Approx(0.5625));
    CHECK(mixed.chance(0) == 0);
    // Without drops the two rules are one.
    Meeting all{1, true};
    all.add(0, 0.5, 1);
    all.add(0, 0.25, 1);
    CHECK(all.chance(0) == Approx(1 - 0.5 * 0.75));
}

TEST_CASE("drops: by position as many rows go as by weight, but fewer copies travel") {
    const ExchangeLoad light = load("drop=\"probs\""), last = load("drop=\"position\"");
    CHECK(light.dropped > 0.05);
    CHECK(last.dropped == light.dropped);
    CHECK(last.rows == light.rows);
    CHECK(sum(last.ports.nic_out) < sum(light.ports.nic_out));
    CHECK(sum(last.unique) < sum(light.unique));
    // what goes by weight is lighter than the average, what goes by position is the average
    CHECK(light.dropped_weight < 0.9 * light.dropped);
    CHECK(light.dropped_weight > 0);
    CHECK(last.dropped_weight == Approx(last.dropped));
    // ranks whose sequences are alike lose alike, wherever they stand
    CHECK(light.dropped_at == last.dropped_at);
}

TEST_CASE("drops: padded exchanges send the capacity, whatever is dropped") {
    const ExchangeLoad light = load("pad_to_capacity=true,drop=\"probs\""),
                       last = load("pad_to_capacity=true,drop=\"position\"");
    CHECK(last.rows == light.rows);
    CHECK(sum(last.ports.nic_out) == Approx(sum(light.ports.nic_out)));
    // 1,024 tokens, top 8 of 256 at factor 1: 32 rows per expert and source; 16 experts, 16 sources
    for (const double rows : light.rows) CHECK(rows == Approx(32 * 16 * 16));
}

TEST_CASE("drops: one capacity for the group takes from the last ranks, or from all by weight") {
    const ExchangeLoad light = load("capacity_scope=\"group\",drop=\"probs\""),
                       last = load("capacity_scope=\"group\",drop=\"position\"");
    // the same rows reach the experts, and no expert has more than ceil(16 x 1,024 x 8 / 256) = 512
    CHECK(sum(last.rows) == Approx(sum(light.rows)));
    for (const auto& load : {light, last})
        for (const double rows : load.rows) CHECK(rows < 512 * 16 * 1.05);
    CHECK(last.dropped == Approx(light.dropped).epsilon(0.02));
    CHECK(last.dropped_at.front() < 0.01);
    CHECK(last.dropped_at.back() > 2 * last.dropped);
    CHECK(*std::max_element(light.dropped_at.begin(), light.dropped_at.end()) <
          1.5 * light.dropped);
    // what a rank does not send loads no port of it; most of its tokens still go to most nodes
    CHECK(last.ports.nic_out.back() < 0.97 * light.ports.nic_out.back());
    CHECK(last.ports.nic_out.front() > light.ports.nic_out.front());
}

TEST_CASE("drops: without a capacity that binds all four ways are one") {
    const auto loose = [](const std::string& more) {
        const Scenario s =
            small({"routing={kind=\"measured\",resample=\"nearest\","
                   "bias_balanced=false,capacity_factor=32," +
                   more + "}"});
        std::vector<int> gpus(16);
        std::iota(gpus.begin(), gpus.end(), 0);
        return Loads{s, gpus}.get(0, 0, 0, false);
    };
    const ExchangeLoad a = loose("drop=\"probs\"");
    CHECK(a.dropped == 0);
    for (const char* more : {"drop=\"position\"", "drop=\"probs\",capacity_scope=\"group\"",
                             "drop=\"position\",capacity_scope=\"group\""}) {
        const ExchangeLoad b = loose(more);
        CHECK(b.dropped == Approx(0).margin(1e-12));
        for (std::size_t r = 0; r < 16; ++r) {
            CHECK(b.rows[r] == Approx(a.rows[r]));
            CHECK(b.ports.nic_in[r] == Approx(a.ports.nic_in[r]));
        }
    }
}

TEST_CASE("drops: the lightest assignments carry less than their share of weight") {
    const models::WeightCurve one{64, 1, 0}, eight{64, 8, 0};
    // one expert a token: every weight is 1
    CHECK(one.lost(0.25) == Approx(0.25));
    CHECK(eight.lost(0) == 0);
    CHECK(eight.lost(1) == Approx(1));
    double slope = 0;
    for (int i = 1; i <= 10; ++i) {  // a Lorenz curve: below the diagonal, ever steeper
        const double next = eight.lost(0.1 * i) - eight.lost(0.1 * (i - 1));
        CHECK(next > slope);
        slope = next;
    }
    CHECK(eight.lost(0.5) < 0.35);
}
