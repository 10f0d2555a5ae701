#include "analysis/critical_path.hpp"

#include <catch2/catch.hpp>
#include <numeric>

#include "sim/registry.hpp"
#include "tests/analysis/runs.hpp"

using namespace moesim;
using analysis::PathKind;

namespace {

sim::Timeline replayed(const sim::TaskGraph& graph) {
    return sim::Registry<sim::Engine>::make("replay")->run(graph);
}

/// Two ranks: a 3 s, b 5 s, then an exchange of 2 s, then c of 1 s on the first rank with half a
/// second between its kernels, while the second rank's d of 0.5 s ends earlier.
///     rank 0   aaa..xxhc        critical: b, exchange, host, c
///     rank 1   bbbbbxxd
sim::TaskGraph two_ranks() {
    sim::TaskGraph g;
    std::vector<sim::StreamId> compute, net;
    for (const char* name : {"rank 0", "rank 1"}) {
        const auto c = g.add_rank_class(name, 1, 1);
        compute.push_back(g.add_stream({"compute", c, 1, true}));
        net.push_back(g.add_stream({"ep", c, 1, false}));
    }
    const auto work = [&](std::size_t rank, const char* op, double seconds, double gap,
                          std::vector<sim::TaskId> after) {
        sim::Label label;
        label.op = g.add_op(op);
        return g.add_work(compute[rank], g.add_values({seconds}), gap, label, after);
    };
    const auto a = work(0, "a", 3, 0, {}), b = work(1, "b", 5, 0, {});
    sim::Label exchange;
    exchange.kind = sim::Kind::ep;
    exchange.op = g.add_op("x");
    const std::vector<sim::TaskId> both{a, b};
    const auto x = g.add_transfer(net, 2, 0, {}, exchange, both);
    work(0, "c", 1, 0.5, {x});
    work(1, "d", 0.5, 0, {x});
    return g;
}

}  // namespace

TEST_CASE("critical path: it follows the last rank to come, and books gaps as host") {
    const sim::TaskGraph g = two_ranks();
    const sim::Timeline line = replayed(g);
    REQUIRE(line.makespan == Approx(5 + 2 + 0.5 + 1));
    const auto path = analysis::critical_path(g, line);
    std::vector<std::pair<std::string, PathKind>> seen;
    for (const analysis::PathStep& s : path)
        seen.emplace_back(g.ops[g.tasks[s.task].label.op], s.kind);
    CHECK(seen == std::vector<std::pair<std::string, PathKind>>{{"c", PathKind::compute},
                                                                {"c", PathKind::host},
                                                                {"x", PathKind::ep},
                                                                {"b", PathKind::compute}});
    CHECK(path.back().rank_class == 1);
    const auto json = analysis::critical_path_json(g, line);
    CHECK(json["by_kind_s"]["compute"].get<double>() == Approx(5 + 1));
    CHECK(json["by_kind_s"]["ep"].get<double>() == Approx(2));
    CHECK(json["by_kind_s"]["host"].get<double>() == Approx(0.5));
    CHECK(json["tasks"] == 3);
    CHECK(json["ops"][0]["op"] == "b");
}

TEST_CASE("critical path: its stretches abut from the end of a step to its begin") {
    const SmallRun r = small_run();
    const auto path = analysis::critical_path(r.run.lowered.graph, r.run.line);
    double until = r.run.line.makespan;
    for (const analysis::PathStep& step : path) {
        REQUIRE(step.end == Approx(until).margin(1e-12));
        REQUIRE(step.begin < step.end);
        until = step.begin;
    }
    CHECK(until == Approx(0).margin(1e-12));
    double sum = 0;
    for (const auto& [kind, seconds] : r.result["critical_path"]["by_kind_s"].items())
        sum += seconds.get<double>();
    CHECK(sum == Approx(r.run.line.makespan).epsilon(1e-9));
}
