#include "analysis/sweep/sweep.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "analysis/sweep/journal.hpp"
#include "analysis/sweep/workers.hpp"

using namespace moesim;
using namespace moesim::analysis;

namespace {

/// Four layers of Mixtral on eight GPUs, 24 plans of which some break rules.
Sweep small_sweep() {
    Sweep sweep{
        sim::Table::from_text("model = 'mixtral-8x7b'\nlayers = 4\ncluster = 'test-2x4'\n"
                              "[parallel]\ndata = 'auto'\n"
                              "[batch]\nglobal = 32\nsequence = 1024\n"
                              "[training]\ntokens = '1 G'\n",
                              "small.toml")};
    for (const char* text :
         {"parallel.pipeline=1..4*2", "parallel.expert=1..8*2", "batch.micro=1,2"})
        sweep.axes.push_back(read_axis({"--vary", text}));
    sweep.top = 2;
    return sweep;
}

/// What that gives, run once.
const nlohmann::ordered_json& small_result() {
    static const auto result = run_sweep(small_sweep());
    return result;
}

/// A folder of this process that is gone at the end.
struct Folder {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("moesim-sweep-" + std::to_string(::getpid()));
    Folder() { std::filesystem::create_directories(path); }
    ~Folder() { std::filesystem::remove_all(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
};

std::string text_of(const std::filesystem::path& file) {
    std::ifstream in{file};
    return {std::istreambuf_iterator<char>{in}, {}};
}

}  // namespace

TEST_CASE("sweep: points in input order, infeasible ones with the reason") {
    const auto& result = small_result();
    REQUIRE(result["points"].size() == 3 * 4 * 2);
    std::size_t feasible = 0;
    for (std::size_t i = 0; i < 24; ++i) {
        const auto& p = result["points"][i];
        const int pipeline = 1 << (i / 8), expert = 1 << (i / 2 % 4), micro = i % 2 ? 2 : 1;
        CHECK(p["set"]["parallel.pipeline"] == pipeline);
        CHECK(p["set"]["parallel.expert"] == expert);
        CHECK(p["set"]["batch.micro"] == micro);
        // 8 / pipeline ranks of a stage are cut into groups of `expert`.
        if (8 / pipeline % expert != 0) {
            CHECK_FALSE(p["feasible"].get<bool>());
            CHECK(p["reason"].get<std::string>().find("parallel.expert: ") == 0);
            CHECK(p["step"].is_null());
            continue;
        }
        CHECK(p["feasible"] == p["memory"]["fits"]);
        if (!p["feasible"].get<bool>())
            CHECK(p["reason"].get<std::string>().find("does not fit: ") == 0);
        feasible += p["feasible"].get<bool>();
        CHECK(p["training"]["days"].get<double>() > 0);
    }
    CHECK(result["feasible"] == feasible);
    REQUIRE(result["best"].size() == feasible);
    REQUIRE(feasible > 2);
    // The best two were simulated again; the rest are in the order of their screened times.
    for (std::size_t rank = 0; rank < feasible; ++rank) {
        const auto& p = result["points"][result["best"][rank].get<std::size_t>()];
        CHECK(p["engine"] == (rank < 2 ? "simgrid" : "replay"));
        CHECK(p["screened"].is_null() == (rank >= 2));
        if (rank > 2)
            CHECK(seconds_per_token(p) >=
                  seconds_per_token(result["points"][result["best"][rank - 1].get<std::size_t>()]));
    }
}

TEST_CASE("sweep: screening on a few micro-batches is near a full replay") {
    // 64 sequences on one GPU of data parallelism: 64 micro-batches, of which 2 and 4 are run.
    Sweep sweep = small_sweep();
    sweep.scenario.set("batch.global=64");
    sweep.scenario.set("gpus=2");
    sweep.axes = {read_axis({"--vary", "parallel.pipeline=2"})};
    sweep.top = 0;
    const auto screened = run_sweep(sweep)["points"][0];
    sweep.engine = "replay";
    const auto full = run_sweep(sweep)["points"][0];
    CHECK(screened["micro_batches"]["simulated"] == nlohmann::ordered_json{2, 4});
    for (const char* key : {"time_s", "mfu", "tokens_per_s_per_gpu", "model_flops", "tokens"})
        CHECK(screened["step"][key].get<double>() ==
              Approx(full["step"][key].get<double>()).epsilon(0.005));
    double sum = 0;
    for (const auto& [key, value] : screened["step"]["breakdown_s"].items()) {
        sum += value.get<double>();
        CHECK(value.get<double>() == Approx(full["step"]["breakdown_s"][key].get<double>())
                                         .margin(0.005 * full["step"]["time_s"].get<double>()));
    }
    CHECK(sum == Approx(screened["step"]["time_s"].get<double>()).epsilon(1e-6));
    CHECK(screened["memory"]["peak_bytes"].get<double>() ==
          Approx(full["memory"]["peak_bytes"].get<double>()).epsilon(0.02));
    CHECK(screened["training"]["days"].get<double>() ==
          Approx(full["training"]["days"].get<double>()).epsilon(0.005));
    CHECK(screened["communication"]["share"].get<double>() ==
          Approx(full["communication"]["share"].get<double>()).epsilon(0.02));
}

TEST_CASE("sweep: a point is what a run of it is") {
    const Sweep sweep = small_sweep();
    const auto& result = small_result();
    const std::size_t best = result["best"][0];
    sim::Table table = sweep.scenario.clone();
    for (const auto& [key, value] : result["points"][best]["set"].items())
        table.set(key + "=" + value.dump());
    const RunOptions options;
    const auto run =
        result_json(simulate(scenarios::read_scenario(table, sweep.seed), options), options);
    for (const char* key : {"step", "memory", "training"})
        CHECK(result["points"][best][key] == run[key]);
}

TEST_CASE("sweep: the front holds what nothing beats in time, cost and memory") {
    const auto& result = small_result();
    const auto& points = result["points"];
    REQUIRE(result["pareto"].size() > 0);
    for (const auto& at : result["pareto"]) {
        const auto& p = points[at.get<std::size_t>()];
        for (const auto& q : points) {
            if (!q["feasible"].get<bool>()) continue;
            // All plans have the same GPUs: cost goes with time.
            CHECK_FALSE((seconds_per_token(q) < seconds_per_token(p) &&
                         q["memory"]["peak_bytes"] <= p["memory"]["peak_bytes"]));
        }
    }
    CHECK(std::find(result["pareto"].begin(), result["pareto"].end(), result["best"][0]) !=
          result["pareto"].end());
}

TEST_CASE("sweep: conditions leave points out and know defaults") {
    Sweep sweep = small_sweep();
    sweep.where.push_back(
        Condition::parse({"--where", "parallel.pipeline * parallel.tensor >= 2 and gpus == 8"}));
    const auto result = run_sweep(sweep);
    CHECK(result["points"].size() == 16);
    CHECK(result["excluded"] == 8);
    sweep.where.push_back(Condition::parse({"--where", "parallel.pipelin > 1"}));
    CHECK_THROWS_WITH(run_sweep(sweep),
                      Catch::StartsWith("--where:1:1: error: unknown key 'parallel.pipelin'"));
}

TEST_CASE("sweep: a slip is an error, a rule that is broken an answer") {
    Sweep sweep = small_sweep();
    sweep.axes = {read_axis({"--vary", "parallel.tensr=1,2"})};
    CHECK_THROWS_AS(run_sweep(sweep), sim::InputError);
    sweep.axes = {read_axis({"--vary", "step.schedule=1f1b,1f1bb"})};
    CHECK_THROWS_AS(run_sweep(sweep), sim::InputError);
    sweep.axes = {read_axis({"--vary", "step.recompute=[],[\"mpl\"]"})};
    CHECK_THROWS_AS(run_sweep(sweep), sim::InputError);
    sweep.axes = {read_axis({"--vary", "parallel.tensor=3"})};
    const auto none = run_sweep(sweep);
    CHECK(none["feasible"] == 0);
    CHECK(none["best"].empty());
    CHECK(none["pareto"].empty());
}

TEST_CASE("sweep: the same bytes for any jobs, and after being cut short anywhere") {
    Sweep sweep = small_sweep();
    const std::string whole = small_result().dump();  // with one job
    sweep.jobs = 3;
    const Folder folder;
    sweep.journal = folder.path / "journal.jsonl";
    CHECK(run_sweep(sweep).dump() == whole);
    const std::string journal = text_of(sweep.journal);
    const auto lines = std::count(journal.begin(), journal.end(), '\n');
    CHECK(lines == 1 + 24 + 2);  // header, points, the best two again
    // Torn in the middle of a line; everything before it is kept, and only the rest is redone.
    std::filesystem::resize_file(sweep.journal, journal.size() / 2);
    std::size_t redone = 0;
    sweep.progress = [&](std::size_t, std::size_t) { ++redone; };
    CHECK(run_sweep(sweep).dump() == whole);
    const std::string half = journal.substr(0, journal.size() / 2);
    CHECK(redone == static_cast<std::size_t>(lines - std::count(half.begin(), half.end(), '\n')));
    redone = 0;
    CHECK(run_sweep(sweep).dump() == whole);
    CHECK(redone == 0);
    sweep.sets = {"batch.global=64"};
    CHECK_THROWS_WITH(run_sweep(sweep), Catch::Contains("is the journal of another sweep"));
}

TEST_CASE("journal: what is none is left alone") {
    const Folder folder;
    for (const char* text : {"important\n", "{}\n", "{\"schema\":\"x\"}\n", "important"}) {
        const auto file = folder.path / "journal.jsonl";
        std::ofstream{file} << text;
        CHECK_THROWS_AS(Journal(file, "abc"), sim::InputError);
        CHECK(text_of(file) == text);
    }
    CHECK_THROWS_AS(Journal("/proc/none/journal.jsonl", "abc"), sim::InputError);
}

TEST_CASE("workers: answers are those of their items, errors what they were") {
    std::vector<std::size_t> items;
    for (std::size_t i = 0; i < 40; ++i) items.push_back(100 + i);
    std::size_t sum = 0;
    run_workers(
        items, 3, [](std::size_t i) { return std::string(i * 1000, 'x'); },
        [&](std::size_t i, const std::string& text) {
            CHECK(text.size() == i * 1000);
            sum += i;
        });
    CHECK(sum == 40 * 100 + 39 * 20);
    const auto ignore = [](std::size_t, const std::string&) {};
    CHECK_THROWS_AS(
        run_workers(
            items, 3, [](std::size_t) -> std::string { throw sim::InputError{"x"}; }, ignore),
        sim::InputError);
    CHECK_THROWS_AS(
        run_workers(
            items, 3, [](std::size_t) -> std::string { throw std::logic_error{"x"}; }, ignore),
        std::runtime_error);
    auto* const before = std::signal(SIGPIPE, SIG_IGN);
    CHECK_THROWS_WITH(run_workers(
                          {7}, 3, [](std::size_t) -> std::string { ::_exit(1); }, ignore),
                      Catch::Contains("item 7"));
    std::signal(SIGPIPE, before);
}

TEST_CASE("sweep: tables hold every point") {
    const auto& result = small_result();
    const std::string csv = sweep_csv(result);
    CHECK(std::count(csv.begin(), csv.end(), '\n') == 25);
    CHECK(csv.starts_with("point,parallel.pipeline,parallel.expert,batch.micro,feasible,reason,"));
    const std::string html = sweep_html(result, "a <b>");
    CHECK(html.find("a &lt;b&gt;") != std::string::npos);
    CHECK(html.find("http") == std::string::npos);
    std::istringstream lines{sweep_summary(result)};
    for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 80);
}
