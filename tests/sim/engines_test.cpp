#include <catch2/catch.hpp>

#include <random>

#include "sim/registry.hpp"
#include "sim/task_graph.hpp"

using namespace moesim::sim;

namespace {

Timeline run(const std::string& engine, const TaskGraph& graph) {
    return Registry<Engine>::make(engine)->run(graph);
}

/// One rank class of `width` with a compute and a transfer stream.
struct Rank {
    Rank(TaskGraph& graph, std::uint32_t width)
        : id{graph.add_rank_class("rank", width, 1)},
          compute{graph.add_stream({"compute", id, width, true})},
          transfer{graph.add_stream({"transfer", id, width, false})} {}
    std::uint32_t id;
    StreamId compute, transfer;
};

LinkId link(TaskGraph& graph, double rate) {
    return graph.add_link({"link", "nic", moesim::BytesPerSecond{rate}});
}

const std::vector<TaskId> kNothing;

}  // namespace

TEST_CASE("engines: members keep their own clocks until they meet") {
    TaskGraph graph;
    const Rank r{graph, 2};
    // Member 0 works 1 s then 4 s, member 1 works 3 s then 1 s: they end at 5 and 4, not at 3 + 4.
    const TaskId a = graph.add_work(r.compute, graph.add_values({1, 3}), 0, {}, kNothing);
    const TaskId b = graph.add_work(r.compute, graph.add_values({4, 1}), 0, {}, kNothing);
    const TaskId c = graph.add_transfer({&r.transfer, 1}, 0.5, 0, {}, {}, std::vector{b});
    for (const char* engine : {"replay", "simgrid"}) {
        const Timeline line = run(engine, graph);
        CHECK(line.end[line.first[a] + 1] == 3);
        CHECK(line.end[line.first[b]] == 5);
        CHECK(line.end[line.first[b] + 1] == 4);
        CHECK(line.ready[line.first[c]] == 5);
        CHECK(line.ready[line.first[c] + 1] == 4);
        CHECK(line.start[line.first[c] + 1] == 5);
        CHECK(line.makespan == 5.5);
    }
}

TEST_CASE("engines: two flows on one link take twice as long in simgrid, not in replay") {
    TaskGraph graph;
    const Rank a{graph, 1}, b{graph, 1};
    const std::uint32_t path = graph.add_path({link(graph, 50e9)});
    // 100 MB at 50 GB/s take 2 ms alone; two at once share the link and take 4 ms.
    const Demand demand{path, 100e6, 2e-3};
    graph.add_transfer({&a.transfer, 1}, 1e-6, 0, {&demand, 1}, {}, kNothing);
    graph.add_transfer({&b.transfer, 1}, 1e-6, 0, {&demand, 1}, {}, kNothing);
    CHECK(run("replay", graph).makespan == Approx(2.001e-3).epsilon(1e-12));
    CHECK(run("simgrid", graph).makespan == Approx(4.001e-3).epsilon(1e-9));
}

TEST_CASE("engines: a demand achieves its own rate, and slows only by what it shares") {
    TaskGraph graph;
    const Rank a{graph, 1}, b{graph, 1};
    const LinkId wide = link(graph, 100e9), narrow = link(graph, 50e9);
    const Demand through{graph.add_path({wide, narrow}), 50e6, 1e-3};
    const Demand beside{graph.add_path({wide}), 100e6, 1e-3};
    // On the wide link both get 50 GB/s; the first ends at 1 ms, the second then has 50 MB
    // left: 1.5 ms.
    graph.add_transfer({&a.transfer, 1}, 0, 0, {&through, 1}, {}, kNothing);
    const TaskId second = graph.add_transfer({&b.transfer, 1}, 0, 0, {&beside, 1}, {}, kNothing);
    const Timeline line = run("simgrid", graph);
    CHECK(line.end[line.first[0]] == Approx(1e-3).epsilon(1e-9));
    CHECK(line.end[line.first[second]] == Approx(1.5e-3).epsilon(1e-9));
}

TEST_CASE("engines: without contention both give the same times to 1e-9") {
    const auto seed = GENERATE(range(1u, 9u));
    std::mt19937 random{seed};
    const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
    const auto real = [&] { return static_cast<double>(random() % 100000 + 1) * 1e-7; };
    TaskGraph graph;
    std::vector<Rank> ranks;
    for (int i = 0; i < 6; ++i) ranks.emplace_back(graph, i % 2 ? 4 : 1);
    // Each pair of ranks has a link of its own that one stream serialises: nothing meets.
    std::vector<std::uint32_t> paths;
    for (int i = 0; i < 6; ++i) paths.push_back(graph.add_path({link(graph, 50e9)}));
    const LinkId common = link(graph, 1e15);  // loaded by all, binding for none
    std::vector<TaskId> done;
    for (int i = 0; i < 300; ++i) {
        std::vector<TaskId> after;
        for (int k = 0; k < 2 && !done.empty(); ++k) after.push_back(done[pick(done.size())]);
        const std::size_t at = pick(ranks.size());
        const Rank& r = ranks[at];
        if (pick(2)) {
            std::vector<double> seconds;
            for (std::uint32_t m = 0; m < graph.streams[r.compute].width; ++m)
                seconds.push_back(real());
            done.push_back(graph.add_work(r.compute, graph.add_values(seconds), 1e-6, {}, after));
        } else {
            const Demand demands[] = {{paths[at], 1e6, real()},
                                      {graph.add_path({common}), 1e3, 1e-12}};
            done.push_back(
                graph.add_transfer({&r.transfer, 1}, real() * 0.1, 0, demands, {}, after));
        }
    }
    const Timeline replay = run("replay", graph), flows = run("simgrid", graph);
    CHECK(flows.makespan == Approx(replay.makespan).epsilon(1e-9));
    for (std::size_t i = 0; i < replay.end.size(); ++i)
        REQUIRE(flows.end[i] == Approx(replay.end[i]).epsilon(1e-9));
}

TEST_CASE("engines: tasks that wait for each other are refused, not waited for") {
    TaskGraph graph;
    const Rank a{graph, 1}, b{graph, 1};
    // a's transfer is queued behind b's on b's stream, and b's behind a's on a's: crossed orders.
    const TaskId first = graph.add_transfer(std::vector{a.transfer}, 0, 1, {}, {}, kNothing);
    graph.add_transfer(std::vector{b.transfer}, 0, 1, {}, {}, std::vector{first});
    std::swap(graph.stream_tasks[a.transfer], graph.stream_tasks[b.transfer]);
    graph.stream_tasks[a.transfer] = {1, 0};
    for (const char* engine : {"replay", "simgrid"})
        CHECK_THROWS_AS(run(engine, graph), std::runtime_error);
}

TEST_CASE("engines: the same graph gives the same bytes") {
    TaskGraph graph;
    const Rank a{graph, 3}, b{graph, 3};
    const std::uint32_t path = graph.add_path({link(graph, 7e9)});
    for (int i = 0; i < 50; ++i) {
        const Demand demand{path, 1e6 * i, 1e-4 * i};
        graph.add_transfer(std::vector{i % 3 ? a.transfer : b.transfer}, 1e-6, 0, {&demand, 1}, {},
                           kNothing);
    }
    CHECK(run("simgrid", graph).end == run("simgrid", graph).end);
}
