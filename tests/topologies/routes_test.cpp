#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/topologies/clusters.hpp"
#include "topologies/cluster_builder.hpp"

using namespace moesim::topologies;
using moesim::BytesPerSecond;
using moesim::Seconds;

namespace {

/// "from -> to" of every link of a route, with its share.
std::map<std::string, double> spelled(const Cluster& cluster, int a, int b) {
    std::map<std::string, double> out;
    for (const RouteShare& s : cluster.route(a, b)) {
        const PhysicalLink& l = cluster.links()[s.link];
        out[cluster.label(l.from) + " -> " + cluster.label(l.to)] += s.share;
    }
    return out;
}

/// What flows out of each vertex less what flows in.
std::map<std::string, double> surplus(const Cluster& cluster, int a, int b) {
    std::map<std::string, double> out;
    for (const RouteShare& s : cluster.route(a, b)) {
        const PhysicalLink& l = cluster.links()[s.link];
        out[cluster.label(l.from)] += s.share;
        out[cluster.label(l.to)] -= s.share;
    }
    return out;
}

}  // namespace

// One leaf per rail and two shared spines: leaf-R.0 is the leaf of rail R.
TEST_CASE("routes: rail_fat_tree goes by NVLink, by the leaf of the rail, or over all spines") {
    const Cluster cluster = load_cluster("test-2x4");
    using Route = std::map<std::string, double>;
    CHECK(spelled(cluster, 0, 3) == Route{{"gpu-0 -> nvswitch-0", 1}, {"nvswitch-0 -> gpu-3", 1}});
    CHECK(spelled(cluster, 0, 4) == Route{{"gpu-0 -> leaf-0.0", 1}, {"leaf-0.0 -> gpu-4", 1}});
    CHECK(spelled(cluster, 0, 5) == Route{{"gpu-0 -> leaf-0.0", 1},
                                          {"leaf-0.0 -> spine-0", 0.5},
                                          {"leaf-0.0 -> spine-1", 0.5},
                                          {"spine-0 -> leaf-1.0", 0.5},
                                          {"spine-1 -> leaf-1.0", 0.5},
                                          {"leaf-1.0 -> gpu-5", 1}});
    CHECK(cluster.route(2, 2).empty());
    CHECK(cluster.hops(2, 2) == 0);
    // NVLink hop 500 ns, NIC hop 1 us, leaf to spine 500 ns.
    CHECK(cluster.latency(0, 3).si() == Approx(1e-6));
    CHECK(cluster.latency(0, 4).si() == Approx(2e-6));
    CHECK(cluster.latency(0, 5).si() == Approx(3e-6));
}

// 4 nodes of 2 GPUs on 2 planes of 2 leaves (radix 4: 2 nodes each) and 2 spines, where 1 would do.
TEST_CASE("routes: multi_plane_fat_tree changes planes by NVLink in the sender's node") {
    const Cluster cluster = cluster_from(tree_text("multi_plane_fat_tree", 4, 2, 4, "spines = 2"));
    using Route = std::map<std::string, double>;
    CHECK(spelled(cluster, 0, 7) == Route{{"gpu-0 -> nvswitch-0", 1},
                                          {"nvswitch-0 -> gpu-1", 1},
                                          {"gpu-1 -> leaf-1.0", 1},
                                          {"leaf-1.0 -> spine-1.0", 0.5},
                                          {"leaf-1.0 -> spine-1.1", 0.5},
                                          {"spine-1.0 -> leaf-1.1", 0.5},
                                          {"spine-1.1 -> leaf-1.1", 0.5},
                                          {"leaf-1.1 -> gpu-7", 1}});
    CHECK(cluster.hops(0, 7) == 6);
    CHECK(cluster.latency(0, 7).si() == Approx(2 * 1e-6 + 2 * 3e-6 + 2 * 5e-6));
    CHECK(cluster.hops(0, 6) == 4);  // same plane, no relay
    CHECK(cluster.hops(0, 3) == 4);  // next node, other plane: NVLink and one leaf
}

TEST_CASE("routes: shares sum to 1 over every cut between two GPUs") {
    const std::string text =
        GENERATE(tree_text("rail_fat_tree", 6, 2, 8, "nodes_per_leaf = 2"),
                 tree_text("multi_plane_fat_tree", 6, 2, 4), tree_text("rail_fat_tree", 5, 3, 8));
    const Cluster cluster = cluster_from(text);
    for (int a = 0; a < cluster.gpus(); ++a)
        for (int b = 0; b < cluster.gpus(); ++b) {
            if (a == b) continue;
            CAPTURE(text, a, b);
            // Nothing is lost or made on the way: then any cut carries what leaves a, which is 1.
            for (const auto& [vertex, net] : surplus(cluster, a, b)) {
                CAPTURE(vertex);
                const int gpu_a = vertex == "gpu-" + std::to_string(a);
                const int gpu_b = vertex == "gpu-" + std::to_string(b);
                REQUIRE(net == Approx(gpu_a - gpu_b).margin(1e-12));
            }
        }
}

TEST_CASE("routes: the way back mirrors the way there unless a GPU relays") {
    const Cluster cluster = cluster_from(tree_text("rail_fat_tree", 6, 2, 8, "nodes_per_leaf = 2"));
    for (int a = 0; a < cluster.gpus(); ++a)
        for (int b = 0; b < a; ++b) {
            std::map<std::pair<std::uint32_t, std::uint32_t>, double> there, back;
            for (const RouteShare& s : cluster.route(a, b))
                there[{cluster.links()[s.link].from, cluster.links()[s.link].to}] = s.share;
            for (const RouteShare& s : cluster.route(b, a))
                back[{cluster.links()[s.link].to, cluster.links()[s.link].from}] = s.share;
            CAPTURE(a, b);
            REQUIRE(there == back);
        }
}

TEST_CASE("routes: renumbering nodes and rails of a symmetric cluster changes no distance") {
    const std::string kind = GENERATE("rail_fat_tree", "multi_plane_fat_tree");
    // 4 nodes of 4; nodes n -> (n + 2) mod 4 (the other leaf), places i -> (i + 1) mod 4.
    const Cluster cluster = cluster_from(tree_text(kind, 4, 4, 8, "nodes_per_leaf = 2"));
    const auto renumbered = [](int g) { return (g / 4 + 2) % 4 * 4 + (g % 4 + 1) % 4; };
    for (int a = 0; a < 16; ++a)
        for (int b = 0; b < 16; ++b) {
            CAPTURE(kind, a, b);
            const int c = renumbered(a), d = renumbered(b);
            REQUIRE(cluster.hops(a, b) == cluster.hops(c, d));
            REQUIRE(cluster.route(a, b).size() == cluster.route(c, d).size());
            REQUIRE(cluster.latency(a, b).si() == Approx(cluster.latency(c, d).si()));
        }
}

TEST_CASE("routes: an all-to-all over a full fat tree loads the cables of a class equally") {
    // 4 nodes x 1 GPU, 2 leaves with 2 cables each to one spine.
    const Cluster cluster = cluster_from(tree_text("rail_fat_tree", 4, 1, 4));
    std::map<std::string, std::vector<double>> load;
    std::vector<double> sums(cluster.links().size());
    for (int a = 0; a < 4; ++a)
        for (int b = 0; b < 4; ++b)
            for (const RouteShare& s : cluster.route(a, b)) sums[s.link] += s.share;
    for (std::size_t l = 0; l < sums.size(); ++l) {
        CAPTURE(l);
        // A NIC carries 3 peers; the 2 GPUs of a leaf have 2 peers each beyond it, over 2 cables.
        if (cluster.links()[l].cls == "nic") CHECK(sums[l] == Approx(3));
        if (cluster.links()[l].cls == "leaf-spine") CHECK(sums[l] == Approx(2 * 2));
    }
}

TEST_CASE("routes: a tie splits by cables") {
    Cluster::Builder builder{"by hand", load_device("h800-sxm")};
    const Cable nic{BytesPerSecond{1e9}, Seconds{1e-6}};
    const auto a = builder.add_gpu(0), b = builder.add_gpu(1);
    const auto left = builder.add_switch("left"), right = builder.add_switch("right");
    const auto up = builder.add_switch("up"), far = builder.add_switch("far");
    builder.connect(a, left, "nic", nic);
    builder.connect(b, right, "nic", nic);
    builder.connect(left, up, "leaf-spine", {nic.rate, Seconds{1e-6}, 3});
    builder.connect(up, right, "leaf-spine", {nic.rate, Seconds{1e-6}, 3});
    builder.connect(left, far, "leaf-spine", {nic.rate, Seconds{5e-6}, 1});
    builder.connect(far, right, "leaf-spine", {nic.rate, Seconds{5e-6}, 1});
    const Cluster cluster = std::move(builder).finish({});
    auto route = spelled(cluster, 0, 1);
    CHECK(route["left -> up"] == 0.75);
    CHECK(route["left -> far"] == 0.25);
    CHECK(route["right -> gpu-1"] == 1);
    // 1 + (3/4) 2 + (1/4) 10 + 1 us
    CHECK(cluster.latency(0, 1).si() == Approx(6e-6));
}

TEST_CASE("routes: NVLink wins inside a node even when a leaf is as near") {
    Cluster::Builder builder{"by hand", load_device("h800-sxm")};
    const Cable cable{BytesPerSecond{1e9}, Seconds{1e-6}};
    const auto a = builder.add_gpu(0), b = builder.add_gpu(0);
    const auto hub = builder.add_nvswitch(0), leaf = builder.add_switch("leaf");
    for (const auto gpu : {a, b}) {
        builder.connect(gpu, leaf, "nic", cable);
        builder.connect(gpu, hub, "nvlink", cable);
    }
    const Cluster cluster = std::move(builder).finish({});
    CHECK(spelled(cluster, 0, 1).count("nvswitch-0 -> gpu-1") == 1);
    CHECK(cluster.route(0, 1).size() == 2);
}

TEST_CASE("routes: GPUs joined without a switch are one hop apart, and relay where they must") {
    Cluster::Builder builder{"chain", load_device("h800-sxm")};
    const Cable cable{BytesPerSecond{1e9}, Seconds{1e-6}};
    const auto a = builder.add_gpu(0), b = builder.add_gpu(0), c = builder.add_gpu(0);
    builder.add_gpu(0);  // joined to nobody
    builder.connect(a, b, "nvlink", cable);
    builder.connect(b, c, "nvlink", cable);
    const Cluster cluster = std::move(builder).finish({});
    CHECK(cluster.hops(0, 1) == 1);
    CHECK(cluster.hops(0, 2) == 2);
    CHECK(cluster.route(0, 2).size() == 2);
    CHECK_THROWS_AS(cluster.route(0, 3), moesim::sim::InputError);
    CHECK_THROWS_WITH(cluster.route(0, 3),
                      Catch::Contains("chain: error: no route from gpu-0 to gpu-3"));
}
