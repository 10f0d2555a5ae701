#include <catch2/catch.hpp>
#include <numeric>

#include "models/group_limited.hpp"

using namespace moesim::models;

namespace {

/// [slots] equal runs of slots per domain.
std::vector<int> spread(int slots, int domains) {
    std::vector<int> out;
    for (int i = 0; i < slots; ++i) out.push_back(i * domains / slots);
    return out;
}

RoutingShape shape(int experts, int top_k, int groups, int limit) {
    RoutingShape out;
    out.experts = experts;
    out.top_k = top_k;
    out.groups = groups;
    out.group_limit = limit;
    out.seed = 7;
    return out;
}

}  // namespace

TEST_CASE("group_limited: distinct domains under uniform choice follow the closed form") {
    // N [1 - C(E - E/N, k) / C(E, k)], e.g. 8 [1 - (224 223 .. 217) / (256 255 .. 249)] = 5.2947
    CHECK(uniform_distinct(256, 2, 8) == Approx(1.9930).margin(5e-5));
    CHECK(uniform_distinct(256, 4, 8) == Approx(3.6142).margin(5e-5));
    CHECK(uniform_distinct(256, 8, 8) == Approx(5.2947).margin(5e-5));
    CHECK(uniform_distinct(256, 16, 8) == Approx(6.5233).margin(5e-5));
    CHECK(uniform_distinct(256, 32, 8) == Approx(7.2668).margin(5e-5));
    CHECK(uniform_distinct(256, 64, 8) == Approx(7.6758).margin(5e-5));
    CHECK(uniform_distinct(128, 4, 8) == Approx(3.6290).margin(5e-5));
    CHECK(uniform_distinct(160, 8, 6) == Approx(4.4586).margin(5e-5));
    CHECK(uniform_distinct(512, 8, 10) == Approx(5.9220).margin(5e-5));
    CHECK(uniform_distinct(60, 3, 6) == Approx(2.7700).margin(5e-5));  // 3 of 8 groups of 20
    CHECK(uniform_distinct(32, 4, 8) == Approx(3.7203).margin(5e-5));
    CHECK(uniform_distinct(8, 1, 2) == Approx(1));
    CHECK(uniform_distinct(8, 8, 8) == Approx(8));  // everything is chosen
}

TEST_CASE("group_limited: without groups the answer is exact, for nodes and GPUs at once") {
    const Distinct d = expected_distinct(shape(256, 8, 1, 1), spread(256, 8), spread(256, 64));
    CHECK(d.nodes == Approx(uniform_distinct(256, 8, 8)).epsilon(1e-12));
    CHECK(d.gpus == Approx(uniform_distinct(256, 64, 8)).epsilon(1e-12));
    // uneven nodes of 3 and 1 expert, top-1: always one
    CHECK(expected_distinct(shape(4, 1, 1, 1), {0, 0, 0, 1}, {0, 1, 2, 3}).nodes == Approx(1));
}

TEST_CASE("group_limited: 4 of 8 groups by their two best scores touch 3.954 of 8 nodes") {
    // a group is kept for its two best scores, so these are mostly among the token's eight: more
    // nodes than 3.629, four groups taken at random. Independent Monte Carlo: 3.954.
    const auto nodes = spread(256, 8);
    const Distinct many = expected_distinct(shape(256, 8, 8, 4), nodes, spread(256, 64), 100'000);
    CHECK(many.nodes == Approx(3.954).margin(0.01));
    CHECK(many.gpus > many.nodes);
    CHECK(many.gpus < uniform_distinct(256, 64, 8));
    // the same with two groups on each of four nodes: 3.113
    CHECK(expected_distinct(shape(256, 8, 8, 4), spread(256, 4), nodes, 100'000).nodes ==
          Approx(3.113).margin(0.01));
    // the number of tokens that a run affords: the deviation per token is about 0.2, / sqrt(2000)
    CHECK(expected_distinct(shape(256, 8, 8, 4), nodes, nodes).nodes == Approx(3.954).margin(0.03));
}

TEST_CASE("group_limited: the same seed gives the same answer, another one another") {
    RoutingShape a = shape(160, 6, 8, 3);
    const auto nodes = spread(160, 8), gpus = spread(160, 32);
    const Distinct first = expected_distinct(a, nodes, gpus);
    const Distinct again = expected_distinct(a, nodes, gpus);
    CHECK(first.nodes == again.nodes);
    CHECK(first.gpus == again.gpus);
    a.seed = 8;
    CHECK(expected_distinct(a, nodes, gpus).gpus != first.gpus);
    CHECK(first.nodes <= 3);
}
