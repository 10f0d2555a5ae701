#include <catch2/catch.hpp>
#include <numeric>

#include "analysis/comparison.hpp"
#include "analysis/result.hpp"
#include "scenarios/builder.hpp"
#include "tests/scenarios/small.hpp"

using namespace moesim;
using namespace moesim::scenarios;

namespace {

double sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

analysis::Simulated run(std::vector<std::string> more, const char* engine = "simgrid") {
    more.insert(more.begin(), "placement.strategy=eplb");
    analysis::RunOptions options;
    options.engine = engine;
    return analysis::simulate(small(more), options);
}

double seconds(const std::vector<std::string>& more, const char* engine = "simgrid") {
    return run(more, engine).line.makespan;
}

}  // namespace

TEST_CASE("moves: what is sent arrives, and an expert at home does not move") {
    const Scenario s = small({"placement.strategy=eplb", "placement.move_every=10"});
    std::vector<int> gpus(16);
    std::iota(gpus.begin(), gpus.end(), 0);
    const Loads loads{s, gpus};
    const auto& moves = loads.moves();
    CHECK(sum(moves.nic_in) == Approx(sum(moves.nic_out)));
    CHECK(sum(moves.nvlink_in) == Approx(sum(moves.nvlink_out)));
    const double moved = sum(moves.nic_in) + sum(moves.nvlink_in);
    CHECK(moved > 0);
    CHECK(moved < 256);
    // the same loads give the same placement, from which nobody needs to move
    const Scenario still = small(
        {"placement.strategy=eplb", "placement.move_every=10", "routing={kind=\"balanced\"}"});
    const Loads none{still, gpus};
    CHECK(sum(none.moves().nic_in) + sum(none.moves().nvlink_in) == 0);
}

TEST_CASE("moves: bytes are experts times working weights and optimizer state") {
    const auto moved = run({"placement.move_every=10"});
    REQUIRE(moved.lowered.move);
    const MoveCost& move = *moved.lowered.move;
    const Recipe& r = moved.scenario.recipe;
    // One group of 16 ranks holds all experts, so optimizer state is not sharded further:
    // 3 x 7168 x 2048 parameters of (working + master + moments) bytes.
    CHECK(move.bytes / move.experts ==
          Approx(3.0 * 7168 * 2048 * (r.weight_bytes + r.master_bytes + r.moment_bytes)));
    CHECK(move.every == 10);
    CHECK(move.rank_bytes >= move.bytes / 32 / 2);  // a mean rank, of two fabrics
    CHECK(move.rank_bytes <= move.bytes);
    // at least the busiest port's bytes at a NIC's or NVLink's nominal rate, 50 and 200 GB/s
    CHECK(move.seconds >= move.rank_bytes / 200e9);
    CHECK(move.seconds <= move.bytes / 10e9);
    const auto json = analysis::result_json(moved, {})["placement"]["move"];
    CHECK(json["seconds_per_step"].get<double>() * 10 == Approx(json["seconds"].get<double>()));
    CHECK(json["bytes_per_step"].get<double>() * 10 == Approx(move.bytes));
    CHECK(analysis::result_json(run({}), {})["placement"]["move"].is_null());
}

TEST_CASE("moves: after the step they cost their share, beside it they are neither free nor dear") {
    const double never = seconds({});
    const double after = seconds({"placement.move_every=1"});
    const double tenth = seconds({"placement.move_every=10"});
    const double beside = seconds({"placement.move_every=10", "placement.hide_moves=true"});
    CHECK(after > never);
    // a tenth of the bytes and of the start-up, unless something else then ends last
    CHECK(tenth - never == Approx((after - never) / 10).epsilon(0.05));
    CHECK(beside > never);
    CHECK(beside < tenth);
    // without contention only what outlasts the step is seen
    const char* const alone = "replay";
    CHECK(seconds({"placement.move_every=10", "placement.hide_moves=true"}, alone) ==
          Approx(seconds({}, alone)));
}

TEST_CASE("moves: beside the step they load the links they pass") {
    const auto bytes = [](const std::vector<std::string>& more) {
        return analysis::result_json(run(more), {})["communication"]["by_kind"]["dp"]["bytes"]
            .get<double>();
    };
    const double none = bytes({});
    const double after = bytes({"placement.move_every=10"});
    const double beside = bytes({"placement.move_every=10", "placement.hide_moves=true"});
    CHECK(after > none);
    CHECK(beside == Approx(after));
}

TEST_CASE("moves: when everybody takes turns nothing is beside the step") {
    const auto turns =
        run({"placement.move_every=10", "placement.hide_moves=true", "what_if.overlap=0"});
    CHECK_FALSE(turns.lowered.move->hidden);
}

TEST_CASE("moves: a comparison shows them per variant") {
    const auto result = analysis::compare(
        {{small(), small({"name=moving", "placement.strategy=eplb", "placement.move_every=100"})}},
        {}, 1);
    const std::string text = analysis::comparison_summary(result);
    CHECK_THAT(text, Catch::Contains("follow the loads"));
    CHECK_THAT(text, Catch::Contains("moving: ") && Catch::Contains(" every 100 steps, "));
    CHECK(result["variants"][1]["placement"]["move"]["every_steps"] == 100);
    CHECK_THAT(result["variants"][1]["vs_base"]["why"].dump(), Catch::Contains("moving experts"));
}

TEST_CASE("placement: a refusal points at the key of the scenario") {
    const Scenario s = small({"placement.strategy=coactivation", "routing={kind=\"power_law\"}"});
    std::vector<int> gpus(16);
    std::iota(gpus.begin(), gpus.end(), 0);
    CHECK_THROWS_WITH(
        (Loads{s, gpus}),
        Catch::Contains("--set:1:20: error: placement.strategy: coactivation: it needs"));
}
