#include "scenarios/schedule.hpp"

#include <catch2/catch.hpp>

#include <fmt/format.h>

#include <map>
#include <random>
#include <tuple>

#include "sim/registry.hpp"

using namespace moesim;
using scenarios::PipelineShape;
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
    std::vector<int> peak;     // [ranks] passes whose activations are held, from F to the end of W
};

int peak(const std::vector<Slot>& order) {
    int held = 0, most = 0;
    for (const Slot& slot : order) {
        if (slot.kind == UnitKind::forward || slot.kind == UnitKind::pair) ++held;
        most = std::max(most, held);
        if (slot.kind == UnitKind::backward || slot.kind == UnitKind::pair ||
            slot.kind == UnitKind::weight_gradient)
            --held;
    }
    CHECK(held == 0);
    return most;
}

Ran run(const std::string& name, int p, int m, Seconds t, int chunks = 1, bool pairs = false) {
    const auto schedule = sim::Registry<Schedule>::make(name);
    const PipelineShape shape{p, m, schedule->chunks() > 0 ? schedule->chunks() : chunks, 0, pairs};
    CAPTURE(name, p, m, chunks, pairs);
    REQUIRE(schedule->refuse(shape) == "");
    const int last = schedule->stages(shape) - 1;
    sim::TaskGraph graph;
    std::vector<std::vector<Slot>> orders;
    std::vector<sim::StreamId> streams;
    for (int r = 0; r < p; ++r) {
        orders.push_back(schedule->order(r, shape));
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
                if (backward && slot.backward.stage < last)
                    need(1, slot.backward.stage + 1, slot.backward);
                if (backward && slot.backward.stage == last) need(0, last, slot.backward);
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
    Ran ran{sim::Registry<sim::Engine>::make("replay")->run(graph).makespan, {}, {}};
    for (const auto& order : orders) ran.peak.push_back(peak(order));
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
    for (const Slot& slot : sim::Registry<Schedule>::make("dualpipe")->order(3, {8, 20}))
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
    const double uneven_idle[] = {5.2, 5.6, 6.0, 6.0, 6.0, 6.0, 5.6, 5.2};
    for (std::size_t r = 0; r < 8; ++r) CHECK(uneven.idle[r] == Approx(uneven_idle[r]));
    const Ran wide = run("dualpipe", 16, 64, {1, 1, 1, 2.6});
    CHECK(wide.makespan == Approx(184.4));
    const double wide_idle[] = {8.8, 9.2, 9.6, 10.0};
    for (std::size_t r = 0; r < 4; ++r) CHECK(wide.idle[r] == Approx(wide_idle[r]));
}

// Reference makespans, idle times and peaks: each order run in a dependency simulator of our own,
// transfers taking no time; formulas by the schedules' papers.
TEST_CASE("schedule: interleaved 1F1B divides the bubble of 1F1B by its chunks") {
    // (p - 1)(F + B) / v = 3 x 3 / 2 and 7 x 3 / 2; a chunk is half a stage: F 1/2, B 1.
    const Ran four = run("interleaved", 4, 8, {0.5, 0.5, 0.5, 0}, 2);
    CHECK(four.makespan == Approx(28.5));
    for (const double idle : four.idle) CHECK(idle == Approx(4.5));
    const Ran eight = run("interleaved", 8, 16, {0.5, 0.5, 0.5, 0}, 2);
    CHECK(eight.makespan == Approx(58.5));
    for (const double idle : eight.idle) CHECK(idle == Approx(10.5));
    // Peak on rank r: 2 (p - r - 1) + (v - 1) p + 1 chunks.
    for (int r = 0; r < 8; ++r)
        CHECK(eight.peak[static_cast<std::size_t>(r)] == 2 * (8 - r - 1) + 8 + 1);
}

TEST_CASE("schedule: interleaved pairs hold one chunk more and have the same bubble") {
    // F&B = F + B: a pair takes what its halves take in turn.
    const Ran pairs = run("interleaved", 4, 8, {0.5, 0.5, 0.5, 1.5}, 2, true);
    const Ran plain = run("interleaved", 4, 8, {0.5, 0.5, 0.5, 0}, 2);
    CHECK(pairs.makespan == Approx(plain.makespan));
    for (std::size_t r = 0; r < 4; ++r) CHECK(pairs.peak[r] == plain.peak[r] + 1);
}

TEST_CASE("schedule: interleaved takes a last group of at least p micro-batches") {
    const auto schedule = sim::Registry<Schedule>::make("interleaved");
    CHECK(schedule->refuse({4, 10, 2, 6}) == "");  // 6 + 4
    CHECK(schedule->refuse({4, 10, 2, 4}) != "");  // 4 + 4 + 2
    CHECK(schedule->refuse({4, 10, 2, 3}) != "");  // a group smaller than the pipeline
    CHECK(schedule->refuse({4, 3, 2}) != "");
    CHECK(schedule->refuse({4, 8, 1}) != "");
    // Megatron-LM's table for 6 micro-batches in groups of 4 and two chunks, p = 2, rank 1.
    std::string order;
    for (const Slot& slot : schedule->order(1, {2, 6, 2, 4}))
        if (slot.kind == UnitKind::forward)
            order += fmt::format("{}.{} ", slot.forward.micro_batch, slot.forward.stage / 2);
    CHECK(order == "0.0 1.0 2.0 3.0 0.1 1.1 2.1 3.1 4.0 5.0 4.1 5.1 ");
}

TEST_CASE("schedule: ZB-H1 idles (p - 1)(F + I - W) in the memory of 1F1B") {
    const Ran four = run("zb-h1", 4, 8, {1, 1, 1, 0});
    CHECK(four.makespan == Approx(27));
    for (const double idle : four.idle) CHECK(idle == Approx(3));
    const Ran eight = run("zb-h1", 8, 16, {1, 1, 1, 0});
    CHECK(eight.makespan == Approx(55));
    for (const double idle : eight.idle) CHECK(idle == Approx(7));
    for (const int peak : eight.peak) CHECK(peak == 8);
    for (const double idle : run("zb-h1", 8, 24, {1, 1.2, 0.8, 0}).idle)
        CHECK(idle == Approx(7 * 1.4));
}

TEST_CASE("schedule: ZB-H2 holds 2p - 1 activations and never stands between its units") {
    // F = I = W = 1: rank r starts after r forwards of others and has 3m units without a gap; the
    // last rank ends p - 1 after the first begins, whatever it does.
    const Ran ran = run("zb-h2", 4, 12, {1, 1, 1, 0});
    CHECK(ran.makespan == Approx(36 + 3));
    for (const int peak : ran.peak) CHECK(peak == 7);
}

TEST_CASE("schedule: ZBV idles p - 1 chunks and holds 2p of them") {
    const Ran four = run("zbv", 4, 8, {1, 1, 1, 0});
    CHECK(four.makespan == Approx(51));
    for (const double idle : four.idle) CHECK(idle == Approx(3));
    const Ran eight = run("zbv", 8, 24, {1, 1, 1, 0});
    CHECK(eight.makespan == Approx(151));
    for (const double idle : eight.idle) CHECK(idle == Approx(7));
    for (const int peak : eight.peak) CHECK(peak == 16);
}

TEST_CASE("schedule: Chimera ends after 2m + p - 2 units when F = B") {
    CHECK(run("chimera", 4, 4, {1, 0.5, 0.5, 0}).makespan == Approx(10));
    CHECK(run("chimera", 8, 8, {1, 0.5, 0.5, 0}).makespan == Approx(22));
    CHECK(run("chimera", 8, 16, {1, 0.5, 0.5, 0}).makespan == Approx(38));
    // B = 2F and m = p: idle 2 (p - 2) F.
    CHECK(run("chimera", 4, 4, {1, 1, 1, 0}).makespan == Approx(12 + 4));
    CHECK(run("chimera", 8, 8, {1, 1, 1, 0}).makespan == Approx(24 + 12));
    CHECK(run("chimera", 8, 8, {1, 1, 1, 0}).peak == std::vector<int>{5, 6, 7, 8, 8, 7, 6, 5});
    CHECK(run("chimera", 4, 4, {1, 1, 1, 0}).peak == std::vector<int>{3, 4, 4, 3});
    CHECK(run("chimera", 8, 16, {1, 1, 1, 0}).peak == std::vector<int>(8, 8));
}

TEST_CASE("schedule: DualPipeV on p ranks idles like DualPipe on 2p") {
    const Ran even = run("dualpipev", 4, 10, {1, 1, 1, 3});
    CHECK(even.makespan == Approx(66));
    for (const double idle : even.idle) CHECK(idle == Approx(6));
    for (const int peak : even.peak) CHECK(peak == 9);  // 2p + 1 chunks
    const Ran overlapped = run("dualpipev", 4, 10, {1, 1, 1, 2.6});
    CHECK(overlapped.makespan == Approx(60.4));
    const double idle[] = {4.0, 4.4, 4.8, 4.8};
    for (std::size_t r = 0; r < 4; ++r) CHECK(overlapped.idle[r] == Approx(idle[r]));
    CHECK(run("dualpipe", 8, 20, {1, 1, 1, 3}).peak == std::vector<int>(8, 9));  // p + 1
}

TEST_CASE("schedule: 1F1B holds p - r activations on rank r, GPipe all of them") {
    CHECK(run("1f1b", 4, 8, {1, 1, 1, 0}).peak == std::vector<int>{4, 3, 2, 1});
    CHECK(run("gpipe", 4, 8, {1, 1, 1, 0}).peak == std::vector<int>(4, 8));
}

TEST_CASE("schedule: any shape runs to its end, each F before its B, each W after its I") {
    std::mt19937 random{20250101};
    const auto draw = [&](int least, int most) {
        return least + static_cast<int>(random() % static_cast<unsigned>(most - least + 1));
    };
    int tried = 0;
    for (const std::string& name : sim::Registry<Schedule>::names()) {
        const auto schedule = sim::Registry<Schedule>::make(name);
        if (schedule->cut_out()) continue;
        for (int i = 0; i < 60; ++i) {
            const int p = name == "none" ? 1 : draw(1, 12), v = draw(1, 5);
            PipelineShape shape{p, draw(1, 5 * p), schedule->chunks() > 0 ? schedule->chunks() : v,
                                0, schedule->can_pair() && draw(0, 1) == 1};
            if (!schedule->refuse(shape).empty()) continue;
            CAPTURE(name, p, shape.micro_batches, shape.chunks, shape.pairs);
            ++tried;
            // A run checks executability; its makespan is at least each rank's own work.
            const Ran ran =
                run(name, p, shape.micro_batches, {1, 1.3, 0.8, 2.7}, shape.chunks, shape.pairs);
            for (const double idle : ran.idle) REQUIRE(idle >= -1e-9);
            std::map<std::tuple<int, int, int>, int> state;  // 1 F, 2 I, 3 done
            for (int r = 0; r < p; ++r)
                for (const Slot& slot : schedule->order(r, shape)) {
                    const auto key = [](const scenarios::Part& part) {
                        return std::tuple{part.stage, part.flow, part.micro_batch};
                    };
                    const scenarios::Part& part =
                        slot.kind == UnitKind::forward ? slot.forward : slot.backward;
                    REQUIRE(schedule->rank_of(shape, part.stage, part.flow) == r);
                    if (slot.kind == UnitKind::forward || slot.kind == UnitKind::pair)
                        REQUIRE(state[key(slot.forward)]++ == 0);
                    if (slot.kind == UnitKind::backward || slot.kind == UnitKind::pair)
                        REQUIRE(std::exchange(state[key(slot.backward)], 3) == 1);
                    if (slot.kind == UnitKind::input_gradient)
                        REQUIRE(state[key(slot.backward)]++ == 1);
                    if (slot.kind == UnitKind::weight_gradient)
                        REQUIRE(state[key(slot.backward)]++ == 2);
                }
            // Flows share the micro-batches: each meets every stage once.
            REQUIRE(state.size() ==
                    static_cast<std::size_t>(schedule->stages(shape) * shape.micro_batches));
            for (const auto& [key, value] : state) REQUIRE(value == 3);
        }
    }
    CHECK(tried > 200);
}

TEST_CASE("schedule: DualPipe refuses what it cannot lay out") {
    const auto schedule = sim::Registry<Schedule>::make("dualpipe");
    CHECK(schedule->refuse({8, 20}) == "");
    CHECK(schedule->refuse({7, 20}) != "");
    CHECK(schedule->refuse({8, 21}) != "");
    CHECK(schedule->refuse({8, 14}) != "");
}
