#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "models/load_statistics.hpp"
#include "models/routing_modifiers.hpp"
#include "tests/models/routing_support.hpp"

using namespace moesim;
using tests::routing;
using tests::routing_complaint;
using tests::routing_shape;
using tests::sum;

namespace {

/// Shares 1/2, 1/4, 1/8, 1/8 of one domain and layer.
std::string skewed(const tests::SampleFolder& folder) {
    return "kind = \"measured\"\nfile = \"" +
           folder.write("loads.csv", "layer,expert,count\n0,0,4\n0,1,2\n0,2,1\n0,3,1\n") + "\"\n";
}

}  // namespace

TEST_CASE("capacity: what exceeds it is dropped, the rest stays") {
    const tests::SampleFolder folder;
    // T = 4e8 (scatter below 1e-4 of it), k 1, E 4: C = T / 4 x factor. Expert 0 asks T / 2
    const double tokens = 4e8;
    const auto one = *routing(skewed(folder) + "capacity_factor = 1.0\n", routing_shape(4, 1, 1))
                          ->assigned(0, 0, tokens);
    CHECK(one.dropped_share == Approx(0.25).epsilon(1e-3));
    CHECK(one.tokens[0] == Approx(1e8).epsilon(1e-3));
    CHECK(one.tokens[1] == Approx(1e8).epsilon(1e-3));
    CHECK(one.tokens[2] == Approx(0.5e8).epsilon(1e-3));
    CHECK(one.rows == one.tokens);
    const auto more = *routing(skewed(folder) + "capacity_factor = 1.6\n", routing_shape(4, 1, 1))
                           ->assigned(0, 0, tokens);
    CHECK(more.dropped_share == Approx(0.10).epsilon(1e-3));
    // a capacity of the whole batch drops nothing, whatever the skew
    const auto all = *routing(skewed(folder) + "capacity_factor = 4\n", routing_shape(4, 1, 1))
                          ->assigned(0, 0, tokens);
    CHECK(all.dropped_share == 0);
    CHECK(all.tokens[0] == Approx(2e8));
}

TEST_CASE("capacity: padding computes exactly the capacity") {
    const tests::SampleFolder folder;
    const auto source = routing(skewed(folder) + "capacity_factor = 1.25\npad_to_capacity = true\n",
                                routing_shape(4, 1, 1));
    const auto got = *source->assigned(0, 0, 4e8);
    CHECK(got.rows == std::vector<double>(4, 1.25e8));
    CHECK(got.tokens[3] == Approx(0.5e8).epsilon(1e-3));
    CHECK_FALSE(source->sampled());
    CHECK(source->resolved()["pad_to_capacity"] == true);
    // balanced loads at factor 1: nothing to drop and nothing to pad
    const auto even =
        *routing("capacity_factor = 1\npad_to_capacity = true\n", routing_shape(256, 8, 1))
             ->assigned(0, 0, 4096);
    CHECK(even.rows == std::vector<double>(256, 128));
    CHECK(even.tokens == even.rows);
    CHECK(even.dropped_share == 0);
}

TEST_CASE("capacity: a factor and a fraction of the batch are two things that meet once") {
    models::Capacity factor, fraction;
    factor.factor = 1;
    fraction.fraction = 0.25;
    // E 8, k 2: k / E = 1/4
    CHECK(factor.rows(4096, 2, 8) == 1024);
    CHECK(fraction.rows(4096, 2, 8) == 1024);
    // E 256, k 8: k / E = 1/32, so a quarter of the batch is factor 8
    factor.factor = 8;
    CHECK(factor.rows(4096, 8, 256) == fraction.rows(4096, 8, 256));
    // rounded up, but not for a last bit: 10 x 2 / 8 x 1.1 = 2.75; 4096 / 32 x 1.1 = 140.8
    factor.factor = 1.1;
    CHECK(factor.rows(10, 2, 8) == 3);
    CHECK(factor.rows(4096, 8, 256) == 141);
    CHECK(factor.rows(1000, 8, 80) == 110);  // 100 x 1.1 = 110.00000000000001 in binary
}

TEST_CASE("capacity: scatter alone drops some of an even load") {
    // Poisson-like with mean 100 and capacity 100: s phi(0) = 10 x 0.398942
    CHECK(models::expected_kept(100, 1e12, 100, true) == Approx(100 - 3.98942).epsilon(1e-5));
    CHECK(models::expected_kept(100, 1e12, 100, false) == 100);
    // one standard deviation of room: s (phi(1) - 1 (1 - Phi(1))) = 10 (0.241971 - 0.158655)
    CHECK(models::expected_kept(100, 1e12, 110, true) == Approx(100 - 0.83316).epsilon(1e-4));
    // an expert that all tokens choose has no scatter
    CHECK(models::expected_kept(100, 100, 90, true) == 90);
}

TEST_CASE("expert choice: every expert takes its capacity and none is dropped") {
    const auto source =
        routing("kind = \"power_law\"\nrouter = \"expert_choice\"\n", routing_shape(64, 8, 3));
    const auto got = *source->assigned(2, 0, 4096);
    CHECK(got.rows == std::vector<double>(64, 512));  // 4096 x 8 / 64
    CHECK(got.tokens == got.rows);
    CHECK(got.dropped_share == 0);
    CHECK(models::max_vio(source->layer(2).share[0]) == Approx(0).margin(1e-12));
    const auto more =
        *routing("router = \"expert_choice\"\ncapacity_factor = 2\n", routing_shape(64, 8, 3))
             ->assigned(0, 0, 4096);
    CHECK(more.rows[0] == 1024);
    // no expert can take more tokens than there are
    CHECK(routing("router = \"expert_choice\"\ncapacity_factor = 100\n", routing_shape(64, 8, 3))
              ->assigned(0, 0, 4096)
              ->rows[0] == 4096);
}

TEST_CASE("dynamic k: the gate (0.45, 0.19, 0.05, 0.31) takes two experts") {
    const std::vector<double> gate{0.45, 0.19, 0.05, 0.31};
    // H = -(0.45 ln 0.45 + 0.19 ln 0.19 + 0.05 ln 0.05 + 0.31 ln 0.31) = 1.188 nat = 1.714 bit
    CHECK(models::entropy(gate) == Approx(1.188).margin(5e-4));
    CHECK(models::entropy(gate) / std::log(2.0) == Approx(1.714).margin(5e-4));
    models::DynamicK rule{1, 4, 1, true, 0};
    CHECK(rule.choices(gate) == 2);
    rule.bits = false;
    CHECK(rule.choices(gate) == 2);
    rule.alpha = 1.8;  // 1.8 x 1.188 = 2.14, 1.8 x 1.714 = 3.09: the base decides
    CHECK(rule.choices(gate) == 3);
    rule.bits = true;
    CHECK(rule.choices(gate) == 4);
    rule.max = 3;
    CHECK(rule.choices(gate) == 3);
    // one bit and two bits are themselves, not the next number
    rule = {1, 8, 1, true, 0};
    CHECK(rule.choices({0.25, 0.25, 0.25, 0.25}) == 2);
    CHECK(rule.choices({1, 0, 0, 0}) == 1);
    rule.min = 2;
    CHECK(rule.choices({1, 0, 0, 0}) == 2);
}

TEST_CASE("dynamic k: rows follow the mean number of choices") {
    // noise 0: every gate is uniform over 16, 4 bits, so k = 4 of at most 8
    const auto flat = routing("dynamic_k = { max = 8, noise = 0 }\n", routing_shape(16, 8, 1));
    CHECK(sum(flat->assigned(0, 0, 1000)->rows) == Approx(4000));
    CHECK(flat->assigned(0, 0, 1000)->dropped_share == 0);
    // noise makes single tokens surer than their kind as a whole
    const auto noisy = routing("dynamic_k = { max = 8 }\n", routing_shape(16, 8, 1));
    const double rows = sum(noisy->assigned(0, 0, 1000)->rows);
    CHECK(rows < 4000);
    CHECK(rows > 1000);
}

TEST_CASE("modifiers: without them the routing is the kind itself") {
    const auto plain = routing("kind = \"power_law\"\n", routing_shape(64, 8, 2));
    CHECK_FALSE(plain->assigned(0, 0, 4096).has_value());
    CHECK_FALSE(plain->exact_touches());
    CHECK(plain->together(0) == nullptr);
    CHECK(plain->follows(0) == nullptr);
    CHECK(plain->resolved()["kind"] == "power_law");
    CHECK_FALSE(routing("router = \"token_choice\"\n", routing_shape(64, 8, 2))
                    ->assigned(0, 0, 1)
                    .has_value());
}

TEST_CASE("modifiers: contradictions are refused where they stand") {
    const auto shape = routing_shape(64, 8, 2);
    const auto says = [&](const std::string& text) { return routing_complaint(text, shape); };
    CHECK_THAT(says("capacity_factor = 0\n"), Catch::Contains(":1:19: error: capacity_factor"));
    CHECK_THAT(says("capacity_factor = 1\ncapacity_fraction = 0.25\n"),
               Catch::Contains(":2:21: error: capacity_fraction"));
    CHECK_THAT(says("capacity_fraction = 1.5\n"), Catch::Contains("capacity_fraction"));
    CHECK_THAT(says("drop = \"probs\"\n"), Catch::Contains("no capacity"));
    CHECK_THAT(says("pad_to_capacity = true\n"), Catch::Contains("no capacity"));
    CHECK_THAT(says("capacity_factor = 1\ndrop = \"prob\"\n"), Catch::Contains("probs"));
    CHECK_THAT(says("router = \"experts_choice\"\n"), Catch::Contains("expert_choice"));
    CHECK_THAT(says("dynamic_k = { min = 4, max = 2 }\n"), Catch::Contains("less than min"));
    CHECK_THAT(says("dynamic_k = { max = 65 }\n"), Catch::Contains("the model has 64"));
    CHECK_THAT(says("dynamic_k = { log = \"10\" }\n"), Catch::Contains("log"));
    CHECK_THAT(says("kind = \"rows\"\nforward = [5]\ncapacity_factor = 1\n"),
               Catch::Contains("rows are given"));
}
