#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>

#include "models/load_statistics.hpp"
#include "models/shares.hpp"
#include "tests/models/routing_support.hpp"

using namespace moesim;
using tests::routing;
using tests::routing_complaint;
using tests::routing_shape;
using tests::sum;

namespace {

nlohmann::ordered_json after(const std::string& keys) {
    return routing(
               "kind = \"bias_balanced\"\nbase = { kind = \"power_law\", alpha = 0.6 }\n" + keys,
               routing_shape(64, 8, 4))
        ->resolved();
}

}  // namespace

TEST_CASE("bias_balanced: violations fall step by step to the size of one bias step") {
    const auto said = after("steps = 1000\ntokens = 1e9\n");
    const auto violations = said["max_vio"].get<std::vector<double>>();
    REQUIRE(violations.size() == 200);
    CHECK(said["max_vio_every"] == 5);
    CHECK(violations[0] > 1);
    CHECK(violations[20] < violations[0]);
    // one step moves a load by exp(u / scale) = 1.01; around the mean it goes to and fro by that,
    // and the mean of the others moves half as much against it
    CHECK(said["max_vio_last"].get<double>() < 0.015);
    CHECK(said["max_vio_last"].get<double>() > 0.001);
}

TEST_CASE("bias_balanced: a fast rate oscillates and a slow one is late") {
    const auto last = [](const std::string& rate) {
        return after("tokens = 1e9\nupdate_rate = " + rate + "\n")["max_vio_last"].get<double>();
    };
    const double slow = last("0.0001"), good = last("0.001"), fast = last("0.01");
    CHECK(slow > 10 * good);
    CHECK(fast > 5 * good);  // exp(0.1) against exp(0.01)
    CHECK(fast < slow);
}

TEST_CASE("bias_balanced: in the long run it finds the tilt that balances the mixture") {
    const auto shape = routing_shape(64, 8, 3);
    const auto run = routing("kind = \"bias_balanced\"\nsteps = 3000\nsequences = 20000\n", shape);
    const auto tilt = routing("kind = \"measured\"\nbias_balanced = true\n", shape);
    REQUIRE(run->kinds() == 5);
    double worst = 0;
    for (int l = 0; l < 3; ++l)
        for (std::size_t k = 0; k < 5; ++k) {
            const auto& a = run->layer(l).share[k];
            const auto& b = tilt->layer(l).share[k];
            CHECK(sum(a) == Approx(1).epsilon(1e-9));
            for (std::size_t e = 0; e < 64; ++e)
                if (b[e] > 1e-4) worst = std::max(worst, std::abs(std::log(a[e] / b[e])));
        }
    // sequences of a batch are not exactly a fifth of each domain, and a step is 1 %
    CHECK(worst < 0.1);
    CHECK(run->kind_of_source(7, 50) == tilt->kind_of_source(7, 50));
}

TEST_CASE("bias_balanced: small batches violate the balance that large ones keep") {
    const std::string text = "kind = \"bias_balanced\"\nsteps = 1500\n";
    const auto shape = routing_shape(64, 8, 16);
    const auto vio = [&](const std::string& keys) {
        return routing(text + keys, shape)->resolved()["max_vio_last"].get<double>();
    };
    CHECK(vio("sequences = 16\n") > 4 * vio("sequences = 16384\n"));
}

TEST_CASE(
    "bias_balanced: the proportional rule balances too, and experts nobody wants stay finite") {
    CHECK(after("tokens = 1e9\nsteps = 3000\nrule = \"proportional\"\nupdate_rate = 0.01\n")
              ["max_vio_last"]
                  .get<double>() < 0.01);
    const tests::SampleFolder folder;
    const auto file = folder.write("loads.csv", "layer,expert,count\n0,0,5\n0,1,0\n0,2,3\n0,3,0\n");
    const auto source =
        routing("kind = \"bias_balanced\"\nsteps = 20000\nbase = { kind = \"measured\", file = \"" +
                    file + "\" }\n",
                routing_shape(4, 1, 1));
    for (const double s : source->layer(0).share[0]) CHECK(std::isfinite(s));
}

TEST_CASE("bias_balanced: wrong keys are refused where they stand") {
    const auto shape = routing_shape(64, 8, 2);
    CHECK_THAT(routing_complaint("kind = \"bias_balanced\"\nupdate_rate = 2\n", shape),
               Catch::Contains(":2:15: error: update_rate"));
    CHECK_THAT(routing_complaint("kind = \"bias_balanced\"\nupdate_rate = 0.5\n", shape),
               Catch::Contains("score_scale"));
    CHECK_THAT(
        routing_complaint("kind = \"bias_balanced\"\nbase = { kind = \"powerlaw\" }\n", shape),
        Catch::Contains("power_law"));
    CHECK_THAT(routing_complaint(
                   "kind = \"bias_balanced\"\nbase = { kind = \"rows\", forward = [1] }\n", shape),
               Catch::Contains("gives rows"));
    CHECK_THAT(routing_complaint(
                   "kind = \"bias_balanced\"\nbase = { kind = \"balanced\", alpha = 1 }\n", shape),
               Catch::Contains("unknown key"));
}
