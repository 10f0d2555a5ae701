#include <catch2/catch.hpp>
#include <map>

#include "tests/topologies/clusters.hpp"

using namespace moesim::topologies;
using Catch::Contains;

namespace {

const std::string kNodes =
    "device = \"h800-sxm\"\nnodes = 8\ngpus_per_node = 2\nnvlink = \"100 GB/s\"\n"
    "nvlink_hop = \"1 us\"\nnic = \"10 GB/s\"\nnic_hop = \"3 us\"\nhop = \"5 us\"\n";

std::string with(const std::string& kind, const std::string& more) {
    return "kind = \"" + kind + "\"\n" + kNodes + more;
}

int cables(const Cluster::Summary& s, const std::string& cls) {
    for (const auto& [name, count] : s.cables)
        if (name == cls) return count;
    return 0;
}

}  // namespace

TEST_CASE("clos: ratios of rates below and above are those asked for, tier by tier") {
    // 8 hosts of 2 GPUs, 2 hosts to a leaf and rail: 4 segments x 2 rails = 8 leaves; 4 hosts to a
    // pod: 2 pods of 4 leaves.
    const Cluster cluster = cluster_from(
        with("clos",
             "hosts_per_leaf = 2\nhosts_per_pod = 4\nspines = 2\nleaf_oversubscription = 2\n"
             "cores = 2\nspine_oversubscription = 4\n"));
    const Cluster::Summary s = cluster.summary();
    REQUIRE(s.tiers.size() == 3);
    CHECK(s.tiers[0].switches == 8);
    CHECK(s.tiers[0].oversubscription == Approx(2));
    CHECK(s.tiers[1].switches == 4);
    CHECK(s.tiers[1].oversubscription == Approx(4));
    CHECK(s.tiers[2].switches == 2);
    // Half of the GPUs are a pod: 8 x 10 GB/s / (2 x 4).
    CHECK(s.bisection_bytes_per_s == Approx(8 * 10e9 / 8));
    CHECK(cluster.hops(0, 2) == 2);  // same leaf
    CHECK(cluster.hops(0, 3) == 4);  // other rail, same pod
    CHECK(cluster.hops(0, 8) == 6);  // other pod
    CHECK(cluster.latency(0, 8).si() == Approx(2 * 3e-6 + 4 * 5e-6));
}

TEST_CASE("clos: a NIC of two ports has half its rate in each of two planes that do not meet") {
    const Cluster cluster =
        cluster_from(with("clos", "hosts_per_leaf = 4\nspines = 2\nnic_ports = 2\n"));
    CHECK(cluster.summary().switches == 2 * (2 * 2 + 2));
    // The port is the NIC's, at its whole rate; it is no hop.
    const auto& port = cluster.links().at(static_cast<std::size_t>(cluster.nic_out(0)));
    CHECK(port.capacity.si() == 10e9);
    CHECK(cluster.hops(0, 2) == 2);
    CHECK(cluster.hops(0, 8) == 4);
    double planes = 0;
    for (const RouteShare& s : cluster.route(0, 2))
        if (cluster.links()[s.link].cls == "nic-leaf") {
            CHECK(s.share == 0.5);
            planes += s.share;
        }
    CHECK(planes == 2);  // up and down
}

TEST_CASE("rail_fat_tree_3: counts follow from the ports") {
    // radix 8: 4 hosts to a leaf, pods of 4 leaves = 2 segments x 2 rails, so 8 hosts; 4 spines.
    const auto tree = [](int nodes) {
        return cluster_from("kind = \"rail_fat_tree_3\"\ndevice = \"h800-sxm\"\nnodes = " +
                            std::to_string(nodes) +
                            "\ngpus_per_node = 2\nnvlink = \"100 GB/s\"\nnvlink_hop = \"1 us\"\n"
                            "nic = \"10 GB/s\"\nnic_hop = \"3 us\"\nhop = \"5 us\"\nradix = 8\n")
            .summary();
    };
    CHECK(tree(8).switches == 4 + 4);             // one pod needs no core
    CHECK(tree(16).switches == 2 * (4 + 4) + 4);  // 2 pods x 4 cables on 8 ports: 1 core to a spine
    CHECK(tree(64).switches == 8 * (4 + 4) + 16);  // 8 pods x 1 cable: 4 cores to a spine
    CHECK(tree(64).bisection_bytes_per_s == 64 * 10e9);
    CHECK_THAT(complaint(with("rail_fat_tree_3", "radix = 4\n") + "nodes_per_leaf = 1\n"),
               Contains("nodes_per_leaf"));
    CHECK_THAT(complaint("kind = \"rail_fat_tree_3\"\ndevice = \"h800-sxm\"\nnodes = 65\n"
                         "gpus_per_node = 2\nnvlink = \"1 GB/s\"\nnvlink_hop = \"1 us\"\n"
                         "nic = \"1 GB/s\"\nnic_hop = \"1 us\"\nhop = \"1 us\"\nradix = 8\n"),
               Contains("cluster.toml:3:9: error: nodes: 9 pods, but a core"));
}

TEST_CASE("full_mesh: a peer is one hop away at the rate of one link, the port carries all") {
    const Cluster cluster = load_cluster("node-oam-mi300x");
    CHECK(cluster.hops(0, 7) == 1);
    CHECK(cluster.summary().diameter_hops == 1);
    CHECK(cluster.latency(0, 7).si() == Approx(936.25e-9));
    const auto& port = cluster.links().at(static_cast<std::size_t>(cluster.nvlink_out(0)));
    CHECK(port.capacity.si() == 7 * 64e9);
    CHECK(cluster.summary().bisection_bytes_per_s == 16 * 64e9);  // 4 x 4 links cross the middle
    CHECK(cables(cluster.summary(), "mesh") == 28);
    for (const RouteShare& s : cluster.route(0, 7)) CHECK(s.share == 1);
}

TEST_CASE("torus: distances wrap, and ties go half each way round") {
    const auto ring = [](const std::string& more) {
        return cluster_from(
            "kind = \"torus\"\ndevice = \"tpu-v4\"\nlink = \"50 GB/s\"\nhop = \"1 us\"\n" + more);
    };
    const Cluster cluster = ring("shape = [4, 2, 1]\n");
    CHECK(cluster.gpus() == 8);
    CHECK(cluster.hops(0, 3) == 1);  // wrap of x
    CHECK(cluster.hops(0, 2) == 2);
    CHECK(cluster.hops(0, 4) == 1);  // y
    CHECK(cluster.summary().diameter_hops == 3);
    // Half right, half left: four torus links at one half.
    int halves = 0;
    for (const RouteShare& s : cluster.route(0, 2))
        halves += cluster.links()[s.link].cls == "torus" && s.share == 0.5 ? 1 : 0;
    CHECK(halves == 4);
    // x: two links, y: both links to the one neighbour, z: none.
    CHECK(cluster.links().at(static_cast<std::size_t>(cluster.nvlink_out(0))).capacity.si() ==
          4 * 50e9);
    CHECK(ring("shape = [4]\nwrap = false\n").hops(0, 3) == 3);
    CHECK_THAT(
        complaint("kind = \"torus\"\ndevice = \"tpu-v4\"\nlink = \"50 GB/s\"\nhop = \"1 us\"\n"
                  "shape = [1024, 1024, 1024]\n"),
        Contains("cluster.toml:5:9: error: shape: more than"));
    CHECK_THAT(
        complaint("kind = \"torus\"\ndevice = \"tpu-v4\"\nlink = \"50 GB/s\"\nhop = \"1 us\"\n"
                  "shape = []\n"),
        Contains("error: shape: no side"));
}

TEST_CASE("dragonfly: a node stays in its group, groups are one global hop apart") {
    // 3 groups of 2 switches with 4 endpoints: 4 nodes of 2 to a group; 2 x 2 global ports, 2
    // cables to each of two other groups.
    const Cluster cluster =
        cluster_from(with("dragonfly",
                          "groups = 3\nswitches_per_group = 2\nendpoints_per_switch = 4\n"
                          "global_ports = 2\n"));
    const Cluster::Summary s = cluster.summary();
    CHECK(s.switches == 6);
    CHECK(cables(s, "local") == 3);
    CHECK(cables(s, "global") == 3 * 2);
    CHECK(s.diameter_hops <= 5);
    CHECK(cluster.hops(0, 2) == 2);  // both on switch 0 of group 0
    CHECK_THAT(complaint(with("dragonfly",
                              "groups = 9\nswitches_per_group = 2\n"
                              "endpoints_per_switch = 4\nglobal_ports = 1\n")),
               Contains("error: groups: 9 groups, but one has only 2 global ports"));
    CHECK_THAT(complaint(with("dragonfly",
                              "groups = 1\nswitches_per_group = 2\n"
                              "endpoints_per_switch = 2\nglobal_ports = 1\n")),
               Contains("cluster.toml:3:9: error: nodes: 8 nodes, but 1 groups hold 2"));
}

namespace {

std::string edges(const std::string& more) {
    return "kind = \"edges\"\ndevice = \"h800-sxm\"\ngpus = 4\ngpus_per_node = 2\n" + more;
}
std::string edge(const std::string& a, const std::string& b, const std::string& more = "") {
    return "[[edge]]\nends = [\"" + a + "\", \"" + b + "\"]\nrate = \"10 GB/s\"\nhop = \"1 us\"\n" +
           more;
}
const std::string kLeaf = "[[switch]]\nname = \"leaf-0\"\n";
const std::string kStar = kLeaf + edge("gpu-0", "leaf-0") + edge("gpu-1", "leaf-0") +
                          edge("gpu-2", "leaf-0") + edge("gpu-3", "leaf-0", "cables = 2\n");

}  // namespace

TEST_CASE("edges: what is listed is what is built") {
    const Cluster cluster = cluster_from(edges(kStar + edge("gpu-0", "gpu-1")));
    CHECK(cluster.nodes() == 2);
    CHECK(cluster.hops(0, 1) == 1);  // NVLink, by the nodes of its ends
    CHECK(cluster.hops(0, 3) == 2);
    CHECK(cluster.links().at(static_cast<std::size_t>(cluster.nic_out(3))).capacity.si() == 20e9);
}

TEST_CASE("edges: names, rates and the graph are checked where they stand") {
    CHECK(complaint(edges(kStar)) == "");
    CHECK_THAT(complaint(edges(kLeaf + kStar)),
               Contains("error: switch.1.name: 'leaf-0' is there"));
    CHECK_THAT(complaint(edges(kStar + edge("gpu-0", "leaf-0"))), Contains("are joined already"));
    CHECK_THAT(complaint(edges(kStar + edge("gpu-0", "leaf-1"))),
               Contains("no 'leaf-1' here") && Contains("did you mean 'leaf-0'?"));
    CHECK_THAT(complaint(edges(kStar + edge("gpu-0", "gpu-0"))), Contains("'gpu-0' twice"));
    CHECK_THAT(complaint(edges(kLeaf + edge("gpu-0", "leaf-0") + edge("gpu-1", "leaf-0") +
                               edge("gpu-2", "gpu-3"))),
               Contains("cluster.toml:1:8: error: kind: no way from gpu-0 to gpu-2"));
    CHECK_THAT(complaint(edges("")), Contains("no edge joins the GPUs"));
    std::string text = edges(kStar);
    text.replace(text.find("10 GB/s"), 7, "0 GB/s");
    CHECK_THAT(complaint(text), Contains("above zero"));
    text = edges(kStar);
    text.replace(text.find("1 us"), 4, "-1 us");
    CHECK_THAT(complaint(text), Contains("error: edge.0.hop: "));
}

TEST_CASE("rail_only: rails meet in the nodes alone") {
    const Cluster cluster = cluster_from(with("rail_only", "radix = 64\n"));
    CHECK(cluster.summary().switches == 2);
    CHECK(cluster.hops(0, 14) == 2);
    CHECK(cluster.hops(0, 15) == 4);  // NVLink to GPU 1, then rail 1
}

TEST_CASE("a scenario sizes a cluster kind at its own place") {
    auto in =
        moesim::sim::Table::from_text("cluster = { name = \"dgx-b200\", nodes = 3 }\n", "s.toml");
    CHECK(load_cluster(in, "cluster").gpus() == 24);
    auto wrong =
        moesim::sim::Table::from_text("cluster = { name = \"dgx-b200\", nodes = 0 }\n", "s.toml");
    CHECK_THROWS_WITH(load_cluster(wrong, "cluster"), Contains("s.toml:1:40: error: nodes: "));
    auto unknown =
        moesim::sim::Table::from_text("cluster = { name = \"dgx-b20\", nodes = 3 }\n", "s.toml");
    CHECK_THROWS_WITH(load_cluster(unknown, "cluster"),
                      Contains("error: cluster.name: ") && Contains("dgx-b200"));
}
