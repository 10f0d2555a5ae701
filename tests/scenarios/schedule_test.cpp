#include "scenarios/schedule.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <tuple>

#include "sim/registry.hpp"

using namespace moesim;
using scenarios::Schedule;
using scenarios::Slot;
using sim::UnitKind;

namespace {

struct Seconds {
    double forward, input, weight, pair;
};

/// A schedule run with one task per slot and no transfer times.
struct Ran {
    double makespan;
    std::vector<double> idle;  // [ranks] makespan - busy
};

Ran run(const std::string& name, int p, int m, Seconds t) {
    const auto schedule = sim::Registry<Schedule>::make(name);
    REQUIRE(schedule->refuse(p, m) == "");
    sim::TaskGraph graph;
    std::vector<std::vector<Slot>> orders;
    std::vector<sim::StreamId> streams;
    for (int r = 0; r < p; ++r) {
        orders.push_back(schedule->order(r, p, m));
        const auto c = graph.add_rank_class("rank", 1, 1);
        streams.push_back(graph.add_stream({"compute", c, 1, true}));
    }
    const auto seconds = [&](UnitKind kind) {
        switch (kind) {
            case UnitKind::forward:
                return t.forward;
            case UnitKind::input_gradient:
                return t.input;
            case UnitKind::weight_gradient:
                return t.weight;
            case UnitKind::backward:
                return t.input + t.weight;
            default:
                return t.pair;
        }
    };
    std::map<std::tuple<int, int, int, int>, sim::TaskId> done;  // direction, stage, flow, mb
    std::vector<std::size_t> next(orders.size(), 0);
    std::vector<double> busy(orders.size(), 0);
    for (bool moved = true; moved;) {
        moved = false;
        for (std::size_t r = 0; r < orders.size(); ++r)
            while (next[r] < orders[r].size()) {
                const Slot& slot = orders[r][next[r]];
                const bool forward = slot.kind == UnitKind::forward || slot.kind == UnitKind::pair;
                const bool backward =
                    slot.kind != UnitKind::forward && slot.kind != UnitKind::weight_gradient;
                std::vector<sim::TaskId> after;
                bool ready = true;
                const auto need = [&](int direction, int stage, const scenarios::Part& part) {
                    const auto at = done.find({direction, stage, part.flow, part.micro_batch});
                    if (at == done.end())
                        ready = false;
                    else
                        after.push_back(at->second);
                };
                if (forward && slot.forward.stage > 0)
                    need(0, slot.forward.stage - 1, slot.forward);
                // A backward follows the next stage's backward, on the last stage its own forward.
                if (backward && slot.backward.stage < p - 1)
                    need(1, slot.backward.stage + 1, slot.backward);
                if (backward && slot.backward.stage == p - 1) need(0, p - 1, slot.backward);
                if (!ready) break;
                const double time = seconds(slot.kind);
                const auto task =
                    graph.add_work(streams[r], graph.add_values({time}), 0, {}, after);
                busy[r] += time;
                if (forward)
                    done[{0, slot.forward.stage, slot.forward.flow, slot.forward.micro_batch}] =
                        task;
                if (backward)
                    done[{1, slot.backward.stage, slot.backward.flow, slot.backward.micro_batch}] =
                        task;
                ++next[r];
                moved = true;
            }
    }
    for (std::size_t r = 0; r < orders.size(); ++r) REQUIRE(next[r] == orders[r].size());
    Ran ran{sim::Registry<sim::Engine>::make("replay")->run(graph).makespan, {}};
    for (const double b : busy) ran.idle.push_back(ran.makespan - b);
    return ran;
}

}  // namespace

TEST_CASE("schedule: DualPipe gives rank 3 of 8 with 20 micro-batches its published order") {
    // Source: deepseek-ai/DualPipe, dualpipe.py, written out.
    const char* expected =
        "F0.0 F1.0 F0.1 F1.1 F0.2 F1.2 F0.3 F1.3 F0.4 B1.0 F1.4&B0.0 F0.5&B1.1 F1.5&B0.1 "
        "F0.6&B1.2 F1.6&B0.2 F0.7&B1.3 F1.7&B0.3 F0.8&B1.4 F1.8&B0.4 F0.9&B1.5 F1.9&B0.5 B1.6 "
        "B0.6 B1.7 B0.7 I1.8 I0.8 I1.9 I0.9 W1.8 W0.8 W1.9 W0.9";
    std::string order;
    for (const Slot& slot : sim::Registry<Schedule>::make("dualpipe")->order(3, 8, 20))
        order += (order.empty() ? "" : " ") + to_string(slot);
    CHECK(order == expected);
}

TEST_CASE("schedule: 1F1B idles (p - 1)(F + B) and ends after (m + p - 1)(F + B)") {
    const auto [p, m] = GENERATE(std::pair{4, 8}, std::pair{8, 16}, std::pair{2, 3});
    const Ran ran = run("1f1b", p, m, {1, 1, 1, 0});
    CHECK(ran.makespan == Approx((m + p - 1) * 3));
    for (const double idle : ran.idle) CHECK(idle == Approx((p - 1) * 3));
}

TEST_CASE("schedule: GPipe has the bubble of 1F1B") {
    CHECK(run("gpipe", 4, 8, {1, 1, 1, 0}).makespan == Approx(33));
}

TEST_CASE("schedule: DualPipe reaches the reference makespans and idle times") {
    // F = I = W = 1, F&B = F + B: (p/2 - 1)(F&B + B - 3W) = 3 (3 + 2 - 3) = 6 on every rank.
    const Ran even = run("dualpipe", 8, 20, {1, 1, 1, 3});
    CHECK(even.makespan == Approx(66));
    for (const double idle : even.idle) CHECK(idle == Approx(6));
    const Ran overlapped = run("dualpipe", 8, 20, {1, 1, 1, 2.6});
    CHECK(overlapped.makespan == Approx(60.4));
    const double idle[] = {4.0, 4.4, 4.8, 4.8, 4.8, 4.8, 4.4, 4.0};
    for (std::size_t r = 0; r < 8; ++r) CHECK(overlapped.idle[r] == Approx(idle[r]));
    const Ran uneven = run("dualpipe", 8, 20, {1, 1.3, 0.9, 2.8});
    CHECK(uneven.makespan == Approx(65.6));
    CHECK(uneven.idle[0] == Approx(5.2));
    CHECK(uneven.idle[3] == Approx(6.0));
    const Ran wide = run("dualpipe", 16, 64, {1, 1, 1, 2.6});
    CHECK(wide.makespan == Approx(184.4));
    CHECK(wide.idle[0] == Approx(8.8));
    CHECK(wide.idle[3] == Approx(10.0));
}

TEST_CASE("schedule: every forward comes before its backward and every W after its I") {
    const std::string name = GENERATE("1f1b", "gpipe", "dualpipe");
    const auto schedule = sim::Registry<Schedule>::make(name);
    for (int p = 2; p <= 12; p += 2)
        for (int m = 2 * p; m <= 4 * p; m += 6) {
            if (!schedule->refuse(p, m).empty()) continue;
            for (int r = 0; r < p; ++r) {
                std::map<std::tuple<int, int, int>, int> state;  // 1 F, 2 I, 3 done
                for (const Slot& slot : schedule->order(r, p, m)) {
                    const auto key = [](const scenarios::Part& part) {
                        return std::tuple{part.stage, part.flow, part.micro_batch};
                    };
                    if (slot.kind == UnitKind::forward || slot.kind == UnitKind::pair)
                        REQUIRE(state[key(slot.forward)]++ == 0);
                    if (slot.kind == UnitKind::backward || slot.kind == UnitKind::pair)
                        REQUIRE(std::exchange(state[key(slot.backward)], 3) == 1);
                    if (slot.kind == UnitKind::input_gradient)
                        REQUIRE(state[key(slot.backward)]++ == 1);
                    if (slot.kind == UnitKind::weight_gradient)
                        REQUIRE(state[key(slot.backward)]++ == 2);
                }
                REQUIRE(state.size() == static_cast<std::size_t>(m));
                for (const auto& [key, value] : state) REQUIRE(value == 3);
            }
        }
}

TEST_CASE("schedule: DualPipe refuses what it cannot lay out") {
    const auto schedule = sim::Registry<Schedule>::make("dualpipe");
    CHECK(schedule->refuse(8, 20) == "");
    CHECK(schedule->refuse(7, 20) != "");
    CHECK(schedule->refuse(8, 21) != "");
    CHECK(schedule->refuse(8, 14) != "");
}
