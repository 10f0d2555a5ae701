#include <catch2/catch.hpp>

#include <cmath>

#include "topologies/group_collective.hpp"

using namespace moesim;
using namespace moesim::topologies;

namespace {

CollectiveLoad load(const std::string& algorithm, const RankGroup& group, double bytes) {
    return sim::Registry<GroupCollective>::make(algorithm)->load(group, bytes);
}

constexpr double kExact = 1e-9;

}  // namespace

TEST_CASE("formula: a ring all-reduce moves 2 (P-1)/P of its bytes through every port") {
    const int ranks = GENERATE(2, 3, 4, 8, 64, 72);
    const double bytes = 1e9, rate = 450e9;
    const RankGroup group{ranks, ranks};
    const CollectiveLoad l = load("ring_all_reduce", group, bytes);
    CHECK(l.nvlink / rate == Approx(2.0 * (ranks - 1) / ranks * bytes / rate).epsilon(kExact));
    CHECK(l.nic == 0);
    // Reduce-scatter and all-gather are its halves.
    CHECK(load("ring_reduce_scatter", group, bytes).nvlink +
              load("ring_all_gather", group, bytes).nvlink ==
          Approx(l.nvlink).epsilon(kExact));
    CHECK(l.nvlink_steps == 2 * (ranks - 1));
}

TEST_CASE("formula: over nodes the NICs of a node share the ring, 2 (P-1)/P / g each") {
    const int nodes = GENERATE(2, 4, 128);
    const RankGroup group{8 * nodes, 8};
    const double p = 8.0 * nodes;
    CHECK(load("ring_all_reduce", group, 1e9).nic ==
          Approx(2 * (p - 1) / p * 1e9 / 8).epsilon(kExact));
    // One rank per node: a ring of NICs, nothing over NVLink.
    const CollectiveLoad alone = load("ring_all_reduce", {nodes, 1}, 1e9);
    CHECK(alone.nic == Approx(2.0 * (nodes - 1) / nodes * 1e9).epsilon(kExact));
    CHECK(alone.nvlink == 0);
}

TEST_CASE("formula: a hierarchical all-reduce needs 2 (N-1)/N / g on the network") {
    const RankGroup group{64, 8};
    const CollectiveLoad l = load("hierarchical_all_reduce", group, 8e9);
    CHECK(l.nic == Approx(2 * 7.0 / 8 * 1e9).epsilon(kExact));
    CHECK(l.nvlink == Approx(2 * 7.0 / 8 * 8e9).epsilon(kExact));
    // Switches that add halve it, for many nodes.
    CHECK(load("sharp_all_reduce", group, 8e9).nic == Approx(1e9).epsilon(kExact));
}

TEST_CASE("formula: NVLS moves (1 + 1/P) of the bytes, a ring nearly twice") {
    CHECK(load("nvls_all_reduce", {8, 8, true}, 8e9).nvlink == Approx(9e9).epsilon(kExact));
    CHECK(load("tree_all_reduce", {16, 8}, 8e9).nic == Approx(1e9).epsilon(kExact));
    CHECK(load("tree_all_reduce", {64, 8}, 8e9).nic == Approx(2e9).epsilon(kExact));
}

TEST_CASE("formula: an all-to-all keeps 1/P at home and sends (P-g)/P over the network") {
    const CollectiveLoad l = load("pairwise_alltoall", {64, 8}, 64e6);
    CHECK(l.nvlink == Approx(7e6).epsilon(kExact));
    CHECK(l.nic == Approx(56e6).epsilon(kExact));
}

TEST_CASE("formula: broadcast and point-to-point pass all bytes once") {
    CHECK(load("chain_broadcast", {8, 8}, 1e6).nvlink == Approx(1e6).epsilon(kExact));
    CHECK(load("chain_broadcast", {16, 8}, 1e6).nic == Approx(1e6 / 8).epsilon(kExact));
    CHECK(load("point_to_point", {2, 1}, 1e6).nic == Approx(1e6).epsilon(kExact));
    CHECK(load("point_to_point", {2, 2}, 1e6).nvlink == Approx(1e6).epsilon(kExact));
}

TEST_CASE("formula: every algorithm is linear in its bytes") {
    for (const std::string& name : sim::Registry<GroupCollective>::names()) {
        const auto algorithm = sim::Registry<GroupCollective>::make(name);
        for (const RankGroup& group : {RankGroup{2, 2, true, true}, RankGroup{8, 8, true, true},
                                       RankGroup{64, 8, true, true}}) {
            if (!algorithm->can(group)) continue;
            INFO(name);
            CHECK(algorithm->load(group, 3e6).nic ==
                  Approx(3 * algorithm->load(group, 1e6).nic).epsilon(kExact));
            CHECK(algorithm->load(group, 3e6).nvlink ==
                  Approx(3 * algorithm->load(group, 1e6).nvlink).epsilon(kExact));
        }
    }
}

TEST_CASE("formula: small all-reduces take few steps, large ones few bytes") {
    const PortRates rates{50e9, 450e9};
    // 2 MiB nodes x 8: a ring of 1,024 takes 2,046 steps, a tree 2 log2(128) over the network.
    CHECK(choose("nccl.all_reduce", {1024, 8, false}, 1e3, rates).algorithm == "tree_all_reduce");
    CHECK(choose("nccl.all_reduce", {8, 8, true}, 1e9, rates).algorithm == "nvls_all_reduce");
    CHECK(choose("nccl.all_reduce", {8, 8, false}, 1e9, rates).algorithm == "ring_all_reduce");
    CHECK(choose("nccl.all_reduce", {64, 8, true, true}, 8e9, rates).algorithm ==
          "sharp_all_reduce");
    CHECK(choose("nccl.reduce_scatter", {64, 8, true}, 8e9, rates).algorithm ==
          "ring_reduce_scatter");
    CHECK_THROWS_AS(choose("nccl.unheard_of", {8, 8}, 1, rates), std::out_of_range);
}
