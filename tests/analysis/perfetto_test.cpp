#include "analysis/perfetto.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

#include "tests/analysis/runs.hpp"

using namespace moesim;
using nlohmann::json;

namespace {

const SmallRun& small() {
    static const SmallRun run = small_run();
    return run;
}

const json& trace() {
    static const json parsed = json::parse(analysis::perfetto_json(small().run));
    return parsed;
}

/// [begin, end) in nanoseconds of complete events, by process and thread.
std::map<std::pair<int, int>, std::vector<std::pair<long long, long long>>> spans(const json& t) {
    std::map<std::pair<int, int>, std::vector<std::pair<long long, long long>>> out;
    for (const json& e : t["traceEvents"])
        if (e["ph"] == "X") {
            const double ts = e["ts"], dur = e["dur"];
            out[{e["pid"], e["tid"]}].emplace_back(std::llround(ts * 1e3),
                                                   std::llround((ts + dur) * 1e3));
        }
    return out;
}

}  // namespace

TEST_CASE("perfetto: every event has a finite time of at least zero within the step") {
    const double until = small().run.line.makespan * 1e6 + 1e-3;
    std::size_t events = 0, counters = 0;
    for (const json& e : trace()["traceEvents"]) {
        if (e["ph"] == "M") continue;
        const double ts = e["ts"], dur = e.value("dur", 0.0);
        REQUIRE(std::isfinite(ts + dur));
        REQUIRE(ts >= 0);
        REQUIRE(dur >= 0);
        REQUIRE(ts + dur <= until);
        ++(e["ph"] == "X" ? events : counters);
    }
    CHECK(events > 500);
    CHECK(counters > 10);
    CHECK(counters <= 2 * 2 * 1000);  // ranks, ports, buckets
}

// Trace Event Format: "ph" one letter; "M" (process_name, thread_name, *_sort_index) has args with
// that name; "X" has ts and dur in microseconds, name, cat and integer pid and tid; "C" has args
// that are numbers, one series per name and process, in the order of time.
TEST_CASE("perfetto: every event keeps the rules of the trace event format") {
    const json& t = trace();
    REQUIRE(t.is_object());
    REQUIRE(t["traceEvents"].is_array());
    CHECK((t["displayTimeUnit"] == "ms" || t["displayTimeUnit"] == "ns"));
    const std::map<std::string, std::string> metadata{{"process_name", "name"},
                                                      {"thread_name", "name"},
                                                      {"process_sort_index", "sort_index"},
                                                      {"thread_sort_index", "sort_index"}};
    std::map<std::pair<int, std::string>, double> last;
    for (const json& e : t["traceEvents"]) {
        INFO(e.dump());
        const std::string ph = e.at("ph");
        REQUIRE(e.at("pid").is_number_integer());
        REQUIRE(e.at("name").is_string());
        if (ph == "M") {
            REQUIRE(metadata.count(e["name"]) == 1);
            REQUIRE(e.at("args").contains(metadata.at(e["name"])));
        } else if (ph == "X") {
            REQUIRE(e.at("tid").is_number_integer());
            REQUIRE(e.at("ts").is_number());
            REQUIRE(e.at("dur").is_number());
            REQUIRE(e.at("cat").is_string());
            REQUIRE(e.at("args").is_object());
        } else {
            REQUIRE(ph == "C");
            REQUIRE(e.at("args").size() == 1);
            double& before = last.try_emplace({e["pid"], e["name"]}, -1).first->second;
            REQUIRE(e.at("ts").get<double>() > before);
            before = e["ts"];
            for (const auto& [series, value] : e["args"].items()) REQUIRE(value.is_number());
        }
    }
}

TEST_CASE("perfetto: the ports of each shown rank have a counter of per cent of their capacity") {
    std::map<std::string, double> most;
    for (const json& e : trace()["traceEvents"]) {
        if (e["ph"] != "C") continue;
        const double percent = e["args"]["percent"];
        REQUIRE(percent >= 0);
        REQUIRE(percent <= 100.01);
        double& m = most[e["name"]];
        m = std::max(m, percent);
    }
    REQUIRE(most.size() == 2);
    CHECK(most.begin()->first.rfind("NIC out, % of ", 0) == 0);
    CHECK(most.rbegin()->first.rfind("NVLink out, % of ", 0) == 0);
    for (const auto& [name, percent] : most) CHECK(percent > 1);
}

TEST_CASE("perfetto: events of one thread do not overlap") {
    for (auto [thread, list] : spans(trace())) {
        INFO("process " << thread.first << ", thread " << thread.second);
        std::sort(list.begin(), list.end());
        for (std::size_t i = 1; i < list.size(); ++i) REQUIRE(list[i - 1].second <= list[i].first);
    }
}

TEST_CASE("perfetto: a process per pipeline rank, and one for its slowest member, all named") {
    std::set<int> used, named;
    std::set<std::string> names;
    std::set<std::pair<int, int>> threads, named_threads;
    for (const json& e : trace()["traceEvents"]) {
        if (e["ph"] == "X") used.insert(e["pid"].get<int>()), threads.emplace(e["pid"], e["tid"]);
        if (e["name"] == "process_name") {
            named.insert(e["pid"].get<int>());
            names.insert(e["args"]["name"]);
        }
        if (e["name"] == "thread_name") named_threads.emplace(e["pid"], e["tid"]);
    }
    CHECK(used == named);
    CHECK(threads == named_threads);
    CHECK(names.count("rank 0, member 0") == 1);
    CHECK(names.count("rank 1, member 0") == 1);
    // Loads differ, so some member is the slowest; it is a process of its own unless it is member
    // 0.
    std::size_t expected = 0;
    for (const auto& members : small().run.booked) {
        std::size_t slowest = 0;
        for (std::size_t m = 0; m < members.size(); ++m)
            if (members[m].parts[0] > members[slowest].parts[0]) slowest = m;
        expected += slowest == 0 ? 1 : 2;
    }
    CHECK(names.size() == expected);
}

TEST_CASE("perfetto: the compute thread of member 0 is busy as long as its breakdown says") {
    int pid = 0, tid = 0;
    const json& t = trace();
    for (const json& e : t["traceEvents"]) {
        if (e["name"] == "process_name" && e["args"]["name"] == "rank 0, member 0") pid = e["pid"];
        if (e["name"] == "thread_name" && e["pid"] == pid && e["args"]["name"] == "compute")
            tid = e["tid"];
    }
    double busy = 0;
    const auto all = spans(t);
    for (const auto& [begin, end] : all.at({pid, tid}))
        busy += static_cast<double>(end - begin) / 1e9;
    const auto& parts = small().run.booked[0][0].parts;
    const auto part = [&](analysis::Part p) { return parts[static_cast<std::size_t>(p)]; };
    // Launch gaps are inside tasks.
    CHECK(busy == Approx(part(analysis::Part::compute) + part(analysis::Part::host) +
                         part(analysis::Part::optimizer))
                      .epsilon(1e-5));
}

TEST_CASE("perfetto: a long run is cut at its begin and says so") {
    const json& all = trace();
    const json cut = json::parse(analysis::perfetto_json(small().run, 4500));
    CHECK(cut["traceEvents"].size() < all["traceEvents"].size());
    CHECK(cut["traceEvents"].size() > 100);
    CHECK(cut["otherData"].contains("cut"));
    CHECK_FALSE(all["otherData"].contains("cut"));
}

TEST_CASE("perfetto: the same run gives the same bytes, and its name stays inside its quotes") {
    CHECK(analysis::perfetto_json(small().run) == analysis::perfetto_json(small().run));
    const SmallRun hostile = small_run("\"}],<script>");
    CHECK(json::parse(analysis::perfetto_json(hostile.run))["otherData"]["scenario"] ==
          "\"}],<script>");
}
