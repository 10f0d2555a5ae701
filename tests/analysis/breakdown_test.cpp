#include "analysis/breakdown.hpp"

#include <catch2/catch.hpp>

#include <numeric>

#include "sim/registry.hpp"

using namespace moesim;
using namespace moesim::analysis;
using sim::Kind;
using sim::TaskGraph;
using sim::TaskId;

namespace {

struct Rank {
    Rank(TaskGraph& graph, std::uint32_t width)
        : id{graph.add_rank_class("rank", width, 1)},
          compute{graph.add_stream({"compute", id, width, true})},
          ep{graph.add_stream({"ep", id, width, false})} {}
    std::uint32_t id;
    sim::StreamId compute, ep;
};

double part(const MemberTimes& m, Part p) { return m.parts[static_cast<std::size_t>(p)]; }
double phase(const MemberTimes& m, Phase p) { return m.phases[static_cast<std::size_t>(p)]; }

std::vector<std::vector<MemberTimes>> booked(const TaskGraph& graph) {
    const auto line = sim::Registry<sim::Engine>::make("replay")->run(graph);
    auto out = book(graph, line);
    for (const auto& members : out)
        for (const MemberTimes& m : members) {
            CHECK(std::accumulate(m.parts.begin(), m.parts.end(), 0.0) ==
                  Approx(line.makespan).epsilon(1e-12));
            CHECK(std::accumulate(m.phases.begin(), m.phases.end(), 0.0) ==
                  Approx(line.makespan).epsilon(1e-12));
        }
    return out;
}

sim::Label label(Kind kind, std::uint32_t unit = sim::kNone) {
    sim::Label l;
    l.kind = kind;
    l.unit = unit;
    return l;
}

}  // namespace

TEST_CASE("breakdown: a transfer that compute waits for is exposed, the wait for ranks imbalance") {
    TaskGraph graph;
    const Rank r{graph, 2};
    // Member 0 computes 1 s, member 1 3 s; the exchange starts at 3, ends at 5; then 1 s of
    // compute.
    const TaskId a =
        graph.add_work(r.compute, graph.add_values({1, 3}), 0, label(Kind::compute), {});
    const TaskId x = graph.add_transfer({&r.ep, 1}, 2, 0, {}, label(Kind::ep), std::vector{a});
    graph.add_work(r.compute, graph.add_values({1}), 0, label(Kind::compute), std::vector{x});
    const auto times = booked(graph)[0];
    CHECK(part(times[0], Part::compute) == 2);
    CHECK(part(times[0], Part::imbalance) == 2);
    CHECK(part(times[0], Part::exposed_ep) == 2);
    CHECK(part(times[1], Part::compute) == 4);
    CHECK(part(times[1], Part::imbalance) == 0);
    CHECK(part(times[1], Part::exposed_ep) == 2);
    CHECK(times[0].in_flight == 2);
}

TEST_CASE("breakdown: what runs beside a transfer is not exposed") {
    TaskGraph graph;
    const Rank r{graph, 1};
    const TaskId a = graph.add_work(r.compute, graph.add_values({1}), 0, label(Kind::compute), {});
    const TaskId x = graph.add_transfer({&r.ep, 1}, 3, 0, {}, label(Kind::ep), std::vector{a});
    graph.add_work(r.compute, graph.add_values({2}), 0, label(Kind::compute), {});  // 1 .. 3
    graph.add_work(r.compute, graph.add_values({1}), 0, label(Kind::compute), std::vector{x});
    const auto m = booked(graph)[0][0];
    CHECK(part(m, Part::exposed_ep) == 1);  // 3 .. 4 of the 3 s in flight
    CHECK(m.in_flight == 3);
}

TEST_CASE("breakdown: a chain of two transfers is booked to each in turn") {
    TaskGraph graph;
    const Rank r{graph, 1};
    const TaskId a = graph.add_work(r.compute, graph.add_values({1}), 0, label(Kind::compute), {});
    graph.add_transfer({&r.ep, 1}, 2, 0, {}, label(Kind::dp), std::vector{a});  // same stream
    const TaskId y = graph.add_transfer({&r.ep, 1}, 3, 0, {}, label(Kind::ep), std::vector{a});
    graph.add_work(r.compute, graph.add_values({1}), 0, label(Kind::compute), std::vector{y});
    const auto m = booked(graph)[0][0];
    CHECK(part(m, Part::exposed_dp) == 2);
    CHECK(part(m, Part::exposed_ep) == 3);
}

TEST_CASE("breakdown: launch gaps are host time and the wait for another stage is bubble") {
    TaskGraph graph;
    const Rank first{graph, 1}, second{graph, 1};
    const auto unit = graph.add_unit({sim::UnitKind::forward, first.id, 0, 0});
    const TaskId a =
        graph.add_work(first.compute, graph.add_values({2}), 0.5, label(Kind::compute, unit), {});
    const sim::StreamId both[] = {first.ep, second.ep};
    const TaskId x = graph.add_transfer(both, 1, 0, {}, label(Kind::pp), std::vector{a});
    const auto other = graph.add_unit({sim::UnitKind::backward, second.id, 0, 0});
    graph.add_work(second.compute, graph.add_values({1}), 0, label(Kind::compute, other),
                   std::vector{x});
    // First: 2.5 s at work (0.5 of it host), then nothing until 4.5: 1 s in flight after it, 1 s
    // bubble. Second: waits 2.5 s for the first stage, 1 s for the transfer, works 1 s.
    const auto times = booked(graph);
    CHECK(part(times[0][0], Part::host) == 0.5);
    CHECK(part(times[0][0], Part::compute) == 2);
    CHECK(part(times[0][0], Part::exposed_pp) == 1);
    CHECK(part(times[0][0], Part::bubble) == 1);
    CHECK(part(times[1][0], Part::bubble) == 2.5);
    CHECK(part(times[1][0], Part::exposed_pp) == 1);
    CHECK(phase(times[0][0], Phase::forward) == 2.5);
    CHECK(phase(times[1][0], Phase::backward) == 1);
    CHECK(phase(times[1][0], Phase::bubble) == 3.5);
}

TEST_CASE("breakdown: a unit ends with its last transfer, at most where the next unit begins") {
    TaskGraph graph;
    const Rank r{graph, 1};
    const auto one = graph.add_unit({sim::UnitKind::forward, r.id, 0, 0});
    const auto two = graph.add_unit({sim::UnitKind::backward, r.id, 0, 0});
    const TaskId a =
        graph.add_work(r.compute, graph.add_values({1}), 0, label(Kind::compute, one), {});
    graph.add_transfer({&r.ep, 1}, 4, 0, {}, label(Kind::ep, one), std::vector{a});      // 1 .. 5
    graph.add_work(r.compute, graph.add_values({2}), 0, label(Kind::compute, two), {});  // 1 .. 3
    const auto m = booked(graph)[0][0];
    CHECK(phase(m, Phase::forward) == 1);
    CHECK(phase(m, Phase::backward) == 2);
    CHECK(phase(m, Phase::bubble) == 2);  // the transfer's end
}
