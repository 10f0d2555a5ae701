#include "topologies/fabric_load.hpp"

#include <catch2/catch.hpp>
#include <numeric>
#include <set>

#include "tests/topologies/clusters.hpp"

using namespace moesim::topologies;

namespace {

std::vector<int> first_gpus(int count) {
    std::vector<int> out(static_cast<std::size_t>(count));
    std::iota(out.begin(), out.end(), 0);
    return out;
}

Cluster clos(int hosts_per_leaf, double oversubscription, const std::string& more = "") {
    return cluster_from(
        "kind = \"clos\"\ndevice = \"h800-sxm\"\nnodes = 8\ngpus_per_node = 1\n"
        "nvlink = \"100 GB/s\"\nnvlink_hop = \"1 us\"\nnic = \"10 GB/s\"\nnic_hop = \"3 us\"\n"
        "hop = \"5 us\"\nspines = 2\nhosts_per_leaf = " +
        std::to_string(hosts_per_leaf) +
        "\nleaf_oversubscription = " + std::to_string(oversubscription) + "\n" + more);
}

Cluster ring(const std::string& shape) {
    return cluster_from(
        "kind = \"torus\"\ndevice = \"tpu-v4\"\nlink = \"50 GB/s\"\nhop = \"1 us\"\n"
        "shape = " +
        shape + "\n");
}

}  // namespace

TEST_CASE("loads: flows together load what their routes say one by one") {
    const std::string text = GENERATE(
        tree_text("rail_fat_tree", 4, 2, 8, "nodes_per_leaf = 2"),
        tree_text("multi_plane_fat_tree", 4, 2, 4),
        tree_text("rail_fat_tree", 4, 2, 8, "nodes_per_leaf = 2\necmp = \"hash\"\necmp_seed = 7"));
    const Cluster cluster = cluster_from(text);
    std::vector<Flow> flows;
    std::vector<double> sums(cluster.links().size());
    for (int a = 0; a < cluster.gpus(); ++a)
        for (int b = 0; b < cluster.gpus(); ++b) {
            const double bytes = 1 + 3 * a + b;
            flows.push_back({a, b, bytes});
            for (const RouteShare& s : cluster.route(a, b)) sums[s.link] += s.share * bytes;
        }
    std::vector<double> together(sums.size());
    for (const LinkLoad& load : cluster.loads(flows)) together[load.link] = load.bytes;
    for (std::size_t l = 0; l < sums.size(); ++l) {
        CAPTURE(l);
        REQUIRE(together[l] == Approx(sums[l]).epsilon(1e-12));
    }
}

TEST_CASE("fabric load: one node's pairwise all-to-all fills its NVLink ports and nothing else") {
    const Cluster cluster = load_cluster("node-hgx-h100");
    const auto flows = exchange_flows(cluster, first_gpus(8), 7e6, Pattern::direct);
    const FabricLoad load = fabric_load(cluster, flows);
    REQUIRE(load.classes.size() == 1);
    CHECK(load.classes[0].cls == "nvlink");
    CHECK(load.classes[0].seconds == Approx(7e6 / 450e9).epsilon(1e-9));
    CHECK(load.slowdown() == 1);
}

// 8 GPUs, 4 to a leaf, uplinks of r:1. A GPU sends b to each of 7 peers, 4 of them beyond the leaf:
// the leaf's uplinks carry 4 x 4 b at 4 x 10 GB/s / r, its ports 7 b at 10 GB/s.
TEST_CASE("fabric load: an oversubscribed leaf takes r (n n) / (n (2 n - 1)) of the ports' time") {
    const double r = GENERATE(1.0, 2.0, 4.0);
    const Cluster cluster = clos(4, r);
    const FabricLoad load =
        fabric_load(cluster, exchange_flows(cluster, first_gpus(8), 7e6, Pattern::direct));
    CHECK(load.port_seconds() == Approx(7e6 / 10e9).epsilon(1e-9));
    CHECK(load.inner_seconds() == Approx(4 * 4 * 1e6 * r / (4 * 10e9)).epsilon(1e-9));
    CHECK(load.slowdown() == Approx(std::max(1.0, r * 4 / 7)).epsilon(1e-9));
}

// Even ring of N: pairs are N / 4 links apart on average, N^2 of them (each to itself included, at
// 0) share 2 N directed links: N^2 b / 8 each. In more dimensions of sides k, all the other chips
// multiply: chips x k / 8 x b.
TEST_CASE("fabric load: all-to-all on a torus meets its bisection bound on every link") {
    const auto [shape, chips, side] = GENERATE(table<std::string, int, int>(
        {{"[8]", 8, 8}, {"[4, 4]", 16, 4}, {"[4, 4, 4]", 64, 4}, {"[8, 4]", 32, 8}}));
    const Cluster cluster = ring(shape);
    const double b = 1e6;
    const FabricLoad load = fabric_load(
        cluster, exchange_flows(cluster, first_gpus(chips), b * (chips - 1), Pattern::direct));
    const ClassLoad* torus = load.find("torus");
    REQUIRE(torus != nullptr);
    CHECK(torus->bytes == Approx(chips * side / 8.0 * b).epsilon(1e-9));
    // The bound: chips^2 / 4 pairs cross the middle one way, over 2 (chips / side) links.
    CHECK(torus->seconds ==
          Approx(b * chips * chips / 4 / (2.0 * chips / side) / 50e9).epsilon(1e-9));
}

// 3 GPUs to a leaf, uplinks 2:1, so 15 GB/s. Groups 0-3 and 4-7 meet under leaf 1 (GPUs 3 4 5): GPU
// 3 sends to three beyond, 4 and 5 to two each, 1e6 every time.
TEST_CASE("fabric load: groups that exchange at once share the uplinks of their leaf") {
    const Cluster cluster = clos(3, 2);
    const std::vector<int> group{0, 1, 2, 3};
    const FabricLoad alone =
        fabric_load(cluster, exchange_flows(cluster, group, 3e6, Pattern::direct));
    CHECK(alone.inner_seconds() == Approx(3e6 / 15e9).epsilon(1e-9));
    std::vector<Flow> both = exchange_flows(cluster, group, 3e6, Pattern::direct);
    const std::vector<int> other{4, 5, 6, 7};
    for (const Flow& flow : exchange_flows(cluster, other, 3e6, Pattern::direct))
        both.push_back(flow);
    const FabricLoad all = fabric_load(cluster, both);
    CHECK(all.inner_seconds() == Approx(7e6 / 15e9).epsilon(1e-9));
}

// EP64 over 8 nodes of 8. Each GPU sends D / 63 to each other; 56 of them leave the node, and 7 / 8
// of those are first passed on over NVLink where rails do not meet: (56 x 7/8) x D/63 / 450 GB/s
// after 56 x D/63 / 50 GB/s, so 7/8 x 50 / 450 = 9.7 % more when one follows the other.
// Source of the range: Wang et al., arXiv:2307.12169, 8.2 to 11.2 % slower.
TEST_CASE("fabric load: rail-only lengthens EP64 all-to-all by 8 to 11 % against four SU") {
    const auto group = first_gpus(64);
    const auto seconds = [&](const std::string& name) {
        const Cluster cluster = load_cluster(name);
        const FabricLoad load =
            fabric_load(cluster, exchange_flows(cluster, group, 63e6, Pattern::direct));
        return load.relayed_seconds + std::max(load.port_seconds(), load.inner_seconds());
    };
    const double tree = seconds("dgx-superpod-4su"), rails = seconds("rail-only");
    CHECK(tree == Approx(56e6 / 50e9).epsilon(1e-9));
    CHECK(rails / tree - 1 == Approx(7.0 / 8 * 50 / 450).epsilon(1e-9));
    CHECK(rails / tree > 1.08);
    CHECK(rails / tree < 1.11);
}

TEST_CASE("fabric load: exchanges that stay on their rail need no other rail") {
    const auto group = first_gpus(64);
    for (const char* name : {"dgx-superpod-4su", "rail-only"}) {
        const Cluster cluster = load_cluster(name);
        const FabricLoad load =
            fabric_load(cluster, exchange_flows(cluster, group, 63e6, Pattern::same_rail));
        CAPTURE(name);
        CHECK(load.relayed_seconds == 0);
        CHECK(load.find("nic")->seconds == Approx(56e6 / 50e9).epsilon(1e-9));
    }
}

TEST_CASE("hashing: one way per flow, the same for the same seed, collisions in the summary") {
    const std::string tree =
        tree_text("rail_fat_tree", 8, 2, 16, "spines = 4\nnodes_per_leaf = 4\n");
    const auto with_seed = [&](int seed) {
        return cluster_from(tree + "ecmp = \"hash\"\necmp_seed = " + std::to_string(seed) + "\n");
    };
    const Cluster cluster = with_seed(1);
    CHECK(cluster.ecmp() == Ecmp::hash);
    CHECK(cluster.route(0, 8).size() == 4);  // NIC, one spine up and down, NIC
    for (const RouteShare& s : cluster.route(0, 8)) CHECK(s.share == 1);
    CHECK(cluster_from(tree).summary().collision == 1);
    std::set<double> seen;
    for (int seed = 0; seed < 8; ++seed) {
        const double collision = with_seed(seed).summary().collision;
        CHECK(collision >= 1);
        CHECK(collision == with_seed(seed).summary().collision);
        seen.insert(collision);
    }
    CHECK(seen.size() > 1);
    // Many ways per pair come near to spreading.
    const Cluster many = cluster_from(tree + "ecmp = \"hash\"\necmp_seed = 1\necmp_paths = 1000\n");
    CHECK(many.summary().collision < 1.2);
    CHECK_THAT(complaint(tree + "ecmp_seed = 1\n"), Catch::Contains("error: ecmp_seed: only for"));
    CHECK_THAT(complaint(tree + "ecmp = \"hashed\"\n"), Catch::Contains("error: ecmp: "));
}
