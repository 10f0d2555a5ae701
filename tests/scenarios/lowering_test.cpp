#include "scenarios/lowering.hpp"

#include <catch2/catch.hpp>

#include <numeric>

#include "analysis/result.hpp"
#include "sim/paths.hpp"
#include "sim/registry.hpp"

using namespace moesim;
using nlohmann::ordered_json;

namespace {

scenarios::Scenario read(const std::string& name, const std::vector<std::string>& sets) {
    sim::Table table = sim::Table::from_file(sim::find_data("scenario", "scenarios", name));
    for (const std::string& s : sets) table.set(s);
    return scenarios::read_scenario(table, 0);
}

/// DeepSeek-V3 cut to 16 MoE layers on 4 pipeline ranks of 64: 256 GPUs, 16 micro-batches each.
std::vector<std::string> cut(std::vector<std::string> more = {}) {
    std::vector<std::string> sets{"layers=16",           "dense_layers=0",
                                  "mtp_layers=0",        "gpus=256",
                                  "parallel.pipeline=4", "parallel.data=64",
                                  "batch.global=1024",   "step.layers_per_stage=[4,4,4,4]"};
    sets.insert(sets.end(), more.begin(), more.end());
    return sets;
}

double step_time(const scenarios::Scenario& s, const std::string& engine, bool fold) {
    return analysis::simulate(s, {engine, fold}).line.makespan;
}

}  // namespace

TEST_CASE("lowering: folding changes nothing when balanced and under 1 % when skewed") {
    const auto balanced = read("deepseek-v3-h800-2048", cut({"routing={kind=\"balanced\"}"}));
    CHECK(step_time(balanced, "simgrid", true) ==
          Approx(step_time(balanced, "simgrid", false)).epsilon(1e-6));
    const auto skewed = read("deepseek-v3-h800-2048", cut());
    CHECK(step_time(skewed, "simgrid", true) ==
          Approx(step_time(skewed, "simgrid", false)).epsilon(0.01));
}

TEST_CASE("lowering: contention only ever slows, and little where transfers seldom meet") {
    const auto s = read("deepseek-v3-h800-2048", cut());
    const double replay = step_time(s, "replay", true), flows = step_time(s, "simgrid", true);
    CHECK(flows >= replay * (1 - 1e-9));
    CHECK(flows < replay * 1.02);
}

TEST_CASE(
    "lowering: a single rank without transfers takes the sum of its kernels in both engines") {
    const std::vector<std::string> one{
        "layers=2",          "gpus=1",         "parallel.pipeline=1", "parallel.data=1",
        "parallel.expert=1", "batch.global=2", "step.schedule=none",  "step.cuda_graphs=true"};
    const auto s = read("mixtral-8x7b-h100-64", one);
    const double flows = step_time(s, "simgrid", true);
    CHECK(flows == Approx(step_time(s, "replay", true)).epsilon(1e-9));
    const analysis::Simulated run = analysis::simulate(s, {});
    double sum = 0;
    for (const auto& task : run.lowered.graph.tasks)
        sum += task.transfer ? run.lowered.graph.alone_seconds(task)
                             : task.gap + run.lowered.graph.values[task.values].front();
    // Of a host that launches graphs only the first is waited for.
    const auto& first = run.lowered.graph.tasks.front();
    const double late =
        first.issue.seconds - first.gap - run.lowered.graph.values[first.values].front();
    CHECK(flows == Approx(sum + late).epsilon(1e-9));
}

TEST_CASE("lowering: every rank's parts and phases sum to the step time") {
    const std::string name = GENERATE("mixtral-8x7b-h100-64", "deepseek-v3-chunk-pair");
    const analysis::Simulated run = analysis::simulate(read(name, {}), {});
    for (const auto& members : run.booked)
        for (const analysis::MemberTimes& m : members) {
            REQUIRE(std::accumulate(m.parts.begin(), m.parts.end(), 0.0) ==
                    Approx(run.line.makespan).epsilon(1e-9));
            REQUIRE(std::accumulate(m.phases.begin(), m.phases.end(), 0.0) ==
                    Approx(run.line.makespan).epsilon(1e-9));
            for (const double part : m.parts) REQUIRE(part >= -1e-12);
        }
}

TEST_CASE("lowering: as many bytes arrive as leave") {
    const analysis::Simulated run =
        analysis::simulate(read("deepseek-v3-h800-2048", cut()), {"replay", false});
    // Links of ranks come as out and in; over all ranks the sums agree on NIC and NVLink.
    const sim::TaskGraph& graph = run.lowered.graph;
    std::map<std::string, double> out, in;
    for (const sim::Demand& d : graph.demands)
        for (const sim::LinkId l : graph.paths[d.path]) {
            const sim::Link& link = graph.links[l];
            // "nic 12->34": GPUs have the lower vertex numbers, so an outgoing link counts up.
            const auto arrow = link.name.find("->");
            const long from = std::stol(link.name.substr(link.name.find(' ') + 1));
            const long to = std::stol(link.name.substr(arrow + 2));
            (from < to ? out : in)[link.cls] += d.bytes;
        }
    REQUIRE(out.size() == 2);
    for (const auto& [cls, bytes] : out) CHECK(in.at(cls) == Approx(bytes).epsilon(1e-6));
}

TEST_CASE("lowering: twice the micro-batches make at most twice the tasks") {
    const auto count = [](const char* batch) {
        return scenarios::lower(read("deepseek-v3-h800-2048", cut({batch})), true)
            .graph.tasks.size();
    };
    CHECK(count("batch.global=2048") <= 2 * count("batch.global=1024"));
}

TEST_CASE("lowering: the same input gives the same result, byte for byte") {
    const auto text = [] {
        const analysis::RunOptions options;
        return analysis::result_json(
                   analysis::simulate(read("deepseek-v3-chunk-pair", {}), options), options)
            .dump();
    };
    CHECK(text() == text());
}

TEST_CASE("lowering: a faster machine is never slower") {
    const auto time = [](const std::string& set) {
        return step_time(read("mixtral-8x7b-h100-64", {set}), "simgrid", true);
    };
    const double base = time("what_if.nic=1");
    for (const char* key : {"nic", "nvlink", "gemm", "attention", "memory_bound"})
        CHECK(time(std::string{"what_if."} + key + "=2") <= base * (1 + 1e-9));
    CHECK(time("what_if.latency=2") >= base);
}
