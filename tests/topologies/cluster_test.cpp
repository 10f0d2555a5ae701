#include <catch2/catch.hpp>
#include <set>

#include "sim/paths.hpp"
#include "tests/topologies/clusters.hpp"

using namespace moesim::topologies;
using Catch::Contains;

TEST_CASE("cluster: deepseek-h800-2048 has 96 switches in 8 planes and full bisection") {
    const Cluster cluster = load_cluster("deepseek-h800-2048");
    const Cluster::Summary s = cluster.summary();
    CHECK(s.gpus == 2048);
    CHECK(s.nodes == 256);
    CHECK(s.nvswitches == 256);
    // Per plane: 256 nodes / 32 = 8 leaves; 8 x 32 uplinks / 64 ports = 4 spines. 8 x (8 + 4).
    CHECK(s.switches == 96);
    // One cable per NIC, and as many from leaves to spines (1:1): 2 x 2048.
    CHECK(s.links == 4096);
    // Half of the GPUs with 50 GB/s each: nothing above the leaves is narrower.
    CHECK(s.bisection_bytes_per_s == 1024 * 50e9);
    // NVLink to the peer on the right plane (2), then leaf, spine, leaf, GPU (4).
    CHECK(s.diameter_hops == 6);
    // NVLink alone 2 x 936.25 ns; most pairs and the worst need it and 2 x 1.4 us + 2 x 450 ns.
    CHECK(s.latency_min_s == Approx(1.8725e-6));
    CHECK(s.latency_median_s == Approx(5.5725e-6));
    CHECK(s.latency_max_s == Approx(5.5725e-6));
}

TEST_CASE("cluster: dgx-superpod-4su has 32 leaves and 16 spines that its rails share") {
    const Cluster::Summary s = load_cluster("dgx-superpod-4su").summary();
    CHECK(s.gpus == 1024);
    CHECK(s.nodes == 128);
    CHECK(s.nvswitches == 128);
    // 8 rails x 128 / 32 leaves, 32 x 32 uplinks / 64 ports = 16 spines.
    CHECK(s.switches == 48);
    CHECK(s.links == 2048);
    CHECK(s.bisection_bytes_per_s == 512 * 50e9);
    CHECK(s.diameter_hops == 4);                  // leaf, spine, leaf, GPU: also between rails
    CHECK(s.latency_median_s == Approx(3.7e-6));  // 2 x 1.4 us + 2 x 450 ns
}

TEST_CASE("cluster: a node is split inside, and has no cable outside") {
    const Cluster::Summary s = load_cluster("node-hgx-h100").summary();
    CHECK(s.gpus == 8);
    CHECK(s.nodes == 1);
    CHECK(s.switches == 0);
    CHECK(s.nvswitches == 1);
    CHECK(s.links == 0);
    CHECK(s.bisection_bytes_per_s == 4 * 450e9);
    CHECK(s.diameter_hops == 2);
}

TEST_CASE("cluster: every file under topologies/clusters builds under its own name") {
    const auto names = moesim::sim::list_data("topologies/clusters");
    CHECK(names.size() >= 5);
    for (const std::string& name : names) {
        CAPTURE(name);
        const Cluster cluster = load_cluster(name);
        CHECK(cluster.name() == name);
        CHECK(cluster.gpus() == cluster.nodes() * cluster.gpus_per_node());
    }
}

TEST_CASE("cluster: GPUs are numbered node by node, each with a port into both fabrics") {
    const Cluster cluster = load_cluster("test-2x4");
    for (int g = 0; g < 8; ++g) {
        CAPTURE(g);
        CHECK(cluster.node_of(g) == g / 4);
        const auto end = [&](int link, bool out) {
            const PhysicalLink& l = cluster.links().at(static_cast<std::size_t>(link));
            return std::pair{cluster.label(out ? l.from : l.to), l.cls};
        };
        const std::string me = "gpu-" + std::to_string(g);
        CHECK(end(cluster.nvlink_out(g), true) == std::pair{me, std::string{"nvlink"}});
        CHECK(end(cluster.nvlink_in(g), false) == std::pair{me, std::string{"nvlink"}});
        CHECK(end(cluster.nic_out(g), true) == std::pair{me, std::string{"nic"}});
        CHECK(end(cluster.nic_in(g), false) == std::pair{me, std::string{"nic"}});
    }
    CHECK(load_cluster("node-hgx-h800").nic_out(0) == -1);
}

TEST_CASE("cluster: parallel cables make one link of their sum") {
    const Cluster cluster = load_cluster("deepseek-h800-2048");
    int seen = 0;
    for (const PhysicalLink& l : cluster.links()) {
        if (l.cls != "leaf-spine") continue;
        ++seen;
        // 32 uplinks over 4 spines: 8 cables of 50 GB/s.
        REQUIRE(l.cables == 8);
        REQUIRE(l.capacity.si() == 8 * 50e9);
    }
    CHECK(seen == 2 * 8 * 8 * 4);  // directions, planes, leaves, spines
}

TEST_CASE("cluster: fewer uplinks than nodes below narrow the bisection") {
    // 4 nodes on 2 leaves of one rail; 1:1 is 2 uplinks per leaf. Half: 2 nodes x 1 GPU x 10 GB/s.
    const std::string more = "nodes_per_leaf = 2\n";
    const auto full = cluster_from(tree_text("rail_fat_tree", 4, 1, 8, more)).summary();
    CHECK(full.bisection_bytes_per_s == 20e9);
    const auto thin = cluster_from(tree_text("rail_fat_tree", 4, 1, 8, more + "uplinks = 1\n"));
    CHECK(thin.summary().bisection_bytes_per_s == 10e9);
}

TEST_CASE("cluster: bisection follows relays where planes do not meet") {
    // Planes are disjoint, yet each crosses the middle on its own: 2 nodes x 2 GPUs x 10 GB/s.
    const Cluster cluster = cluster_from(tree_text("multi_plane_fat_tree", 4, 2, 4));
    CHECK(cluster.summary().bisection_bytes_per_s == 40e9);
}

TEST_CASE("cluster: one leaf that reaches all has no spine above it") {
    const auto s = cluster_from(tree_text("multi_plane_fat_tree", 2, 4, 64)).summary();
    CHECK(s.switches == 4);
    CHECK(s.links == 8);
}

TEST_CASE("cluster: spines are the fewest that take the uplinks evenly, or those given") {
    // 3 leaves x 4 uplinks on 8 ports: 2 spines by ports, 2 cables from each leaf.
    CHECK(cluster_from(tree_text("rail_fat_tree", 12, 1, 8)).summary().switches == 3 + 2);
    // 5 leaves x 4 uplinks: 20 / 8 asks for 3, but 4 uplinks do not go evenly over 3.
    CHECK(cluster_from(tree_text("rail_fat_tree", 20, 1, 8)).summary().switches == 5 + 4);
    const auto given = tree_text("rail_fat_tree", 12, 1, 8, "leaves = 6\nspines = 2\n");
    CHECK(cluster_from(given).summary().switches == 6 + 2);
}

TEST_CASE("cluster: what cannot be built is refused at the key to change") {
    const auto refused = [](const std::string& more, int nodes = 12, int radix = 8) {
        return complaint(tree_text("rail_fat_tree", nodes, 1, radix, more));
    };
    CHECK(refused("") == "");
    CHECK_THAT(refused("", 0), Contains("cluster.toml:3:9: error: nodes: "));
    CHECK_THAT(refused("", 12, 1), Contains("cluster.toml:10:9: error: radix: "));
    CHECK_THAT(refused("", 40),
               Contains("error: nodes: 10 leaves, but a spine of two tiers has only"));
    CHECK_THAT(refused("", 2000000), Contains("error: nodes: "));
    CHECK_THAT(refused("leaves = 2"), Contains("cluster.toml:11:10: error: leaves: 2 leaves of 4"));
    CHECK_THAT(refused("nodes_per_leaf = 8"), Contains("11:18: error: nodes_per_leaf: no port"));
    CHECK_THAT(refused("nodes_per_leaf = 9"), Contains("error: nodes_per_leaf: 9 is more than 8"));
    CHECK_THAT(refused("spines = 3"), Contains("cluster.toml:11:10: error: spines: 3 leaves"));
    CHECK_THAT(refused("uplinks = 5"), Contains("error: uplinks: 5 is more than 4"));
    CHECK_THAT(refused("spines = 1", 4), Contains("11:10: error: spines: one leaf reaches every"));
    CHECK_THAT(refused("spine = 4"), Contains("spine") && Contains("spines"));
}

TEST_CASE("cluster: kinds, devices, rates and latencies are checked where they stand") {
    const auto node = [](const std::string& kind, const std::string& device,
                         const std::string& rate, const std::string& hop) {
        return complaint("kind = \"" + kind + "\"\ndevice = \"" + device +
                         "\"\ngpus = 2\nnvlink = \"" + rate + "\"\nhop = \"" + hop + "\"\n");
    };
    CHECK(node("node", "h800-sxm", "1 GB/s", "0 s") == "");
    CHECK_THAT(node("nodes", "h800-sxm", "1 GB/s", "1 s"),
               Contains("cluster.toml:1:8: error: kind: ") && Contains("node"));
    CHECK_THAT(node("node", "h800", "1 GB/s", "1 s"),
               Contains("cluster.toml:2:10: error: device: ") && Contains("h800-sxm"));
    CHECK_THAT(node("node", "h800-sxm", "0 GB/s", "1 s"), Contains("4:10: error: nvlink: "));
    CHECK_THAT(node("node", "h800-sxm", "-1 GB/s", "1 s"), Contains("4:10: error: nvlink: "));
    CHECK_THAT(node("node", "h800-sxm", "1 GB/s", "-1 s"), Contains("5:7: error: hop: "));
}

TEST_CASE("cluster: a lone GPU has neither bisection nor distances") {
    const auto s = cluster_from(
                       "kind = \"node\"\ndevice = \"h800-sxm\"\ngpus = 1\n"
                       "nvlink = \"1 GB/s\"\nhop = \"1 s\"\n")
                       .summary();
    CHECK(s.bisection_bytes_per_s == 0);
    CHECK(s.diameter_hops == 0);
    CHECK(s.latency_max_s == 0);
}

TEST_CASE("cluster: Graphviz text draws each link once for both directions") {
    const Cluster cluster = load_cluster("test-2x4");
    const std::string dot = cluster.dot();
    std::size_t lines = 0;
    for (auto at = dot.find(" -- "); at != std::string::npos; at = dot.find(" -- ", at + 1))
        ++lines;
    CHECK(lines == 8 + 8 + 8);  // NVLinks, NICs, leaf to spine
    CHECK_THAT(dot, Contains("label=\"gpu-7\""));
}
