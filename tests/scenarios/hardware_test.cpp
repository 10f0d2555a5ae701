#include "scenarios/hardware.hpp"

#include <catch2/catch.hpp>

#include "analysis/result.hpp"

using namespace moesim;

namespace {

scenarios::Scenario scenario(const std::string& more) {
    return scenarios::read_scenario(
        sim::Table::from_text("model = 'mixtral-8x7b'\nlayers = 4\n"
                              "cluster = 'test-2x4'\n" +
                                  more +
                                  "[parallel]\ndata = 8\nexpert = 4\n"
                                  "[batch]\nglobal = 32\nsequence = 2048\n",
                              "small.toml"),
        0);
}

analysis::Simulated run(const std::string& more, bool fold = true) {
    analysis::RunOptions options;
    options.fold = fold;
    return analysis::simulate(scenario(more), options);
}

double step(const analysis::Simulated& run) {
    return analysis::result_json(run, {})["step"]["time_s"].get<double>();
}

const std::string kSlow = "faults = { gpu = [ { gpu = 5, speed = 0.5 } ] }\n";

}  // namespace

// Two groups of four GPUs on one stage; only group 1 has the slow GPU.
TEST_CASE("hardware: groups are alike when their members are, one by one") {
    CHECK(scenarios::alike_groups(scenario("")).size() == 1);
    CHECK_FALSE(scenarios::members_differ(scenario("")));
    const auto alike = scenarios::alike_groups(scenario(kSlow));
    REQUIRE(alike.size() == 2);
    CHECK(alike[0].first == 0);
    CHECK(alike[1].first == 1);
    CHECK(scenarios::members_differ(scenario(kSlow)));
}

TEST_CASE("hardware: a slow GPU holds up its group, and the folded run keeps it apart") {
    const auto base = run(""), slow = run(kSlow);
    // Its own compute takes twice as long, nothing else does.
    CHECK(step(slow) > 1.1 * step(base));
    CHECK(step(slow) < 2 * step(base));
    CHECK(base.lowered.graph.rank_classes.size() == 1);
    REQUIRE(slow.lowered.graph.rank_classes.size() == 2);
    double ranks = 0;
    for (const auto& c : slow.lowered.graph.rank_classes) ranks += c.width * c.stands_for;
    CHECK(ranks == Approx(8));
    CHECK(step(slow) == Approx(step(run(kSlow, false))).epsilon(1e-3));
    // A GPU that is hardly slow hardly matters, where groups are simulated one by one anyway.
    const double hardly = step(run("faults = { gpu = [ { gpu = 5, speed = 0.99 } ] }\n"));
    const double apart = step(run("", false));
    CHECK(hardly > apart);
    CHECK(hardly < 1.02 * apart);
}

TEST_CASE("hardware: a node of another device computes at that device's costs") {
    // H20: 148 instead of 989 TFLOPS.
    const std::string other =
        "cluster = { name = 'test-2x4', other_nodes = [ { first = 1, last = 1, device = 'h20' } ] "
        "}\n";
    auto table = sim::Table::from_text("model = 'mixtral-8x7b'\nlayers = 4\n" + other +
                                           "[parallel]\ndata = 8\nexpert = 4\n"
                                           "[batch]\nglobal = 32\nsequence = 2048\n",
                                       "small.toml");
    const auto both = analysis::simulate(scenarios::read_scenario(table, 0), {});
    CHECK(step(both) > 2 * step(run("")));
    CHECK(both.lowered.graph.rank_classes.size() == 2);
}
