#include "analysis/planning/plan.hpp"

#include <catch2/catch.hpp>

using namespace moesim;
using namespace moesim::analysis;

namespace {

/// Eight layers of Mixtral on eight GPUs.
Sweep small_search() {
    Sweep sweep{
        sim::Table::from_text("model = 'mixtral-8x7b'\nlayers = 8\ncluster = 'test-2x4'\n"
                              "[batch]\nglobal = 64\nsequence = 1024\n",
                              "small.toml")};
    sweep.axes = {
        read_axis({"--vary", "parallel.tensor=1,2"}), read_axis({"--vary", "parallel.virtual=1,2"}),
        read_axis({"--vary", "parallel.expert_tensor=1"}), read_axis({"--vary", "batch.micro=1,2"}),
        read_axis({"--vary", "parallel.pipeline=1,2"})};
    sweep.engine = "simgrid";
    sweep.top = 3;
    return sweep;
}

const nlohmann::ordered_json& small_plans() {
    static const auto found = find_plans(small_search());
    return found;
}

}  // namespace

TEST_CASE("plan: degrees follow from the model and the cluster") {
    sim::Table v3 = sim::Table::from_text(
        "model = 'deepseek-v3'\ncluster = 'dgx-superpod-4su'\ngpus = 1024\n"
        "[batch]\nglobal = 8192\nsequence = 4096\n",
        "v3.toml");
    const SearchSpace space = search_space(v3, {});
    const auto values = [&](const std::string& key) {
        for (const SweepAxis& axis : space.axes)
            if (axis.key == key) return axis.values;
        return std::vector<std::string>{};
    };
    using Values = std::vector<std::string>;
    CHECK(values("parallel.tensor") == Values{"1", "2", "4", "8"});
    CHECK(values("parallel.context") == Values{"1"});
    CHECK(values("parallel.pipeline") == Values{"1", "2", "4", "8", "16", "32"});
    CHECK(values("parallel.expert").back() == "256");
    CHECK(values("parallel.expert_tensor") == Values{"1"});
    CHECK(space.ladder[1] == R"(["layernorm", "moe_act", "mla_up_proj"])");
    std::size_t considered = 0;
    const auto points = candidates(v3, space, {}, 0, considered);
    CHECK(considered == 4 * 6 * 4 * 9 * 3);
    for (const Assignments& point : points) {
        const auto set = set_json(point);
        const int p = set["parallel.pipeline"], v = set["parallel.virtual"];
        CHECK(p * v <= 61);
        CHECK(1024 / p % set["parallel.expert"].get<int>() == 0);
        CHECK(set["step.schedule"] == (p == 1 ? "none" : v == 1 ? "1f1b" : "interleaved"));
    }
    v3.set("batch.sequence=32768");
    CHECK(search_space(v3, {}).axes[1].values == Values{"1", "2", "4", "8"});
}

TEST_CASE("plan: the best is what trying everything finds") {
    const Sweep sweep = small_search();
    const auto& found = small_plans();
    REQUIRE(found["points"].size() == 3);
    // Every candidate in full, with no recomputation, which all that fit here can do without.
    const SearchSpace space = search_space(sweep.scenario, sweep.axes);
    std::size_t considered = 0;
    Sweep all{sweep.scenario};
    all.top = 0;
    all.jobs = 2;
    const auto every = run_points(all, candidates(sweep.scenario, space, {}, 0, considered));
    const auto& best = every["points"][every["best"][0].get<std::size_t>()];
    CHECK(seconds_per_token(found["points"][0]) == Approx(seconds_per_token(best)).epsilon(0.01));
    for (const char* key : {"parallel.tensor", "parallel.pipeline", "parallel.expert"})
        CHECK(found["points"][0]["set"][key] == best["set"][key]);
    // Screening on a few micro-batches is near what a full run says.
    for (const auto& p : found["points"])
        CHECK(p["screened"]["step_time_s"].get<double>() ==
              Approx(p["step"]["time_s"].get<double>()).epsilon(0.05));
}

TEST_CASE("plan: best first, layouts once each, and why the others are slower") {
    Sweep sweep = small_search();
    const auto& found = small_plans();
    std::vector<std::string> layouts;
    double before = 0;
    for (const auto& p : found["points"]) {
        CHECK(p["feasible"].get<bool>());
        CHECK(seconds_per_token(p) >= before);
        before = seconds_per_token(p);
        std::string layout;
        for (const char* key :
             {"parallel.tensor", "parallel.pipeline", "parallel.virtual", "parallel.expert"})
            layout += p["set"][key].dump() + " ";
        CHECK(std::find(layouts.begin(), layouts.end(), layout) == layouts.end());
        layouts.push_back(layout);
    }
    CHECK(found["points"][0]["vs_best"]["step_time_ratio"] == 1.0);
    CHECK_FALSE(found["points"][2]["vs_best"]["why"].empty());
    sweep.jobs = 3;
    CHECK(find_plans(sweep).dump() == found.dump());
    // A point's `set` repeats it.
    sim::Table table = sweep.scenario.clone();
    for (const auto& [key, value] : found["points"][1]["set"].items())
        table.set(key + "=" + value.dump());
    const RunOptions options;
    CHECK(simulate(scenarios::read_scenario(table, 0), options).line.makespan ==
          found["points"][1]["step"]["time_s"].get<double>());
}

TEST_CASE("plan: recomputation only where nothing else fits, and no plan where none does") {
    Sweep sweep{
        sim::Table::from_text("model = 'mixtral-8x7b'\nlayers = 8\ncluster = 'test-2x4'\n"
                              "[batch]\nglobal = 8\nsequence = 131072\n",
                              "long.toml")};
    sweep.axes = {read_axis({"--vary", "parallel.tensor=1"}),
                  read_axis({"--vary", "parallel.context=1"}),
                  read_axis({"--vary", "parallel.pipeline=1"}),
                  read_axis({"--vary", "parallel.expert=8"}),
                  read_axis({"--vary", "parallel.expert_tensor=1"}),
                  read_axis({"--vary", "batch.micro=1"})};
    const auto found = find_plans(sweep);
    if (!found["points"].empty()) CHECK_FALSE(found["points"][0]["set"]["step.recompute"].empty());
    sweep.scenario.set("batch.sequence=1048576");
    const auto none = find_plans(sweep);
    CHECK(none["points"].empty());
    CHECK(none["search"]["unfit"] == 1);
    CHECK(plan_summary(none).find("no plan fits") != std::string::npos);
}
