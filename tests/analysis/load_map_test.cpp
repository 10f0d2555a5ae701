#include "analysis/load_map.hpp"

#include <catch2/catch.hpp>
#include <numeric>

#include "tests/analysis/runs.hpp"

using namespace moesim;

namespace {

analysis::Simulated balanced() {
    const SmallRun r = small_run();
    sim::Table table = r.table.clone();
    table.set("routing={ kind = 'balanced' }");
    table.set("step.dispatcher=alltoall");
    return analysis::simulate(scenarios::read_scenario(table, 0), {"replay", true});
}

}  // namespace

TEST_CASE("load map: a layer's rows are over their own mean, as uneven as the run's exchanges") {
    const SmallRun r = small_run();
    const auto map = analysis::load_map(r.run);
    REQUIRE(map);
    REQUIRE(map->rows.size() == 4);  // layers
    double worst = 0;
    for (const auto& layer : map->rows) {
        REQUIRE(layer.size() == 4);  // ranks
        CHECK(std::accumulate(layer.begin(), layer.end(), 0.0) == Approx(4));
        worst = std::max(worst, *std::max_element(layer.begin(), layer.end()));
    }
    // Means over micro-batches are no more uneven than the worst of them.
    CHECK(worst > 1);
    CHECK(worst <= r.result["load"]["max_over_mean_worst"].get<double>() + 1e-9);
}

TEST_CASE("load map: balanced all-to-all sends each rank's rows to all others alike") {
    const auto run = balanced();
    const auto map = analysis::load_map(run);
    REQUIRE(map);
    CHECK(map->ranks == 4);
    // 2048 tokens x top 2, spread over 4 ranks; what stays is not sent.
    for (std::size_t from = 0; from < 4; ++from)
        for (std::size_t to = 0; to < 4; ++to)
            CHECK(map->copies[from * 4 + to] == Approx(from == to ? 0 : 2048.0 * 2 / 4));
}

TEST_CASE("load map: none without exchanges") {
    const SmallRun r = small_run();
    sim::Table table = r.table.clone();
    table.set("parallel.expert=1");
    CHECK_FALSE(analysis::load_map(
        analysis::simulate(scenarios::read_scenario(table, 0), {"replay", true})));
}
