#include "analysis/sensitivity.hpp"

#include <catch2/catch.hpp>

#include "sim/registry.hpp"
#include "tests/analysis/runs.hpp"

using namespace moesim;

namespace {

/// Step time by the engine `replay` of the small run with some [what_if].
double replayed(const SmallRun& r, const std::string& what_if) {
    sim::Table table = r.table.clone();
    if (!what_if.empty()) table.set("what_if=" + what_if);
    const analysis::RunOptions options{"replay", true};
    return analysis::simulate(scenarios::read_scenario(table, 0), options).line.makespan;
}

}  // namespace

TEST_CASE("sensitivity: each ratio is that of the same [what_if] written into the scenario") {
    const SmallRun r = small_run();
    const auto all = analysis::sensitivity_json(r.run, {});
    const std::map<std::string, std::string> written{{"flops", "{ gemm = 1.1, attention = 1.1 }"},
                                                     {"hbm", "{ memory_bound = 1.1 }"},
                                                     {"nvlink", "{ nvlink = 1.1 }"},
                                                     {"nic", "{ nic = 1.1 }"},
                                                     {"latency", "{ latency = 0.9 }"},
                                                     {"even_load", "{ imbalance = 0.0 }"}};
    const double base = replayed(r, "");
    REQUIRE(all.size() == written.size());  // loads of the small run are uneven
    for (const auto& change : all) {
        INFO(change.dump());
        const double ratio = replayed(r, written.at(change["change"])) / base;
        CHECK(change["step_time_ratio"].get<double>() == Approx(ratio).epsilon(1e-12));
        CHECK(change["step_time_s"].get<double>() ==
              Approx(r.run.line.makespan * ratio).epsilon(1e-12));
        // Nothing gets more than 10 % better by what gets 10 % better, nor worse.
        if (change["change"] != "even_load") CHECK(ratio >= 1 / 1.1 - 1e-9);
        CHECK(ratio <= 1 + 1e-9);
    }
}

TEST_CASE("sensitivity: changes go on top of the scenario's own, even load where it is uneven") {
    SmallRun r = small_run();
    sim::Table table = r.table.clone();
    table.set("what_if={ nic = 2.0 }");
    table.set("routing={ kind = 'balanced' }");
    const analysis::RunOptions options{"replay", true};
    const auto run = analysis::simulate(scenarios::read_scenario(table, 0), options);
    const auto all = analysis::sensitivity_json(run, options);
    REQUIRE(all.size() == 5);
    table.set("what_if={ nic = 2.2 }");
    const double faster =
        analysis::simulate(scenarios::read_scenario(table, 0), options).line.makespan;
    for (const auto& change : all)
        if (change["change"] == "nic")
            CHECK(change["step_time_s"].get<double>() == Approx(faster).epsilon(1e-12));
}
