#include <catch2/catch.hpp>
#include <map>

#include "tests/topologies/clusters.hpp"

using namespace moesim::topologies;
using Catch::Contains;

namespace {

// 4 nodes of 2 GPUs, 2 to a leaf: leaf-R.0 and leaf-R.1 of two rails, two spines, 1 cable each.
const std::string kTree = tree_text("rail_fat_tree", 4, 2, 8, "nodes_per_leaf = 2\nspines = 2\n");

Cluster broken(const std::string& faults) { return cluster_from(kTree + faults); }

double carried(const Cluster& cluster, int a, int b, const std::string& from) {
    double sum = 0;
    for (const RouteShare& s : cluster.route(a, b))
        if (cluster.label(cluster.links()[s.link].from) == from) sum += s.share;
    return sum;
}

}  // namespace

TEST_CASE("faults: a failed spine leaves its part to the others") {
    CHECK(carried(cluster_from(kTree), 0, 4, "spine-0") == 0.5);
    const Cluster cluster = broken("[[faults.switch]]\nname = \"spine-0\"\n");
    CHECK(carried(cluster, 0, 4, "spine-0") == 0);
    CHECK(carried(cluster, 0, 4, "spine-1") == 1);
    CHECK(cluster.uniform());  // every GPU is as before
    CHECK(cluster.summary().bisection_bytes_per_s ==
          cluster_from(kTree).summary().bisection_bytes_per_s / 2);
}

TEST_CASE("faults: a failed link is routed round, a lost cable carries less") {
    const std::string link = "[[faults.link]]\nfrom = \"spine-1\"\nto = \"leaf-0.0\"\n";
    const Cluster cluster = broken(link);
    CHECK(carried(cluster, 0, 4, "spine-0") == 1);
    CHECK(carried(cluster, 4, 0, "spine-0") == 1);    // both directions failed
    CHECK(carried(cluster, 1, 5, "spine-1") == 0.5);  // the other rail is as before
    // One spine, two cables, one of them lost.
    const Cluster thin =
        cluster_from(tree_text("rail_fat_tree", 4, 2, 8, "nodes_per_leaf = 2\nspines = 1\n") +
                     "[[faults.link]]\nfrom = \"leaf-0.0\"\nto = \"spine-0\"\ncables = 1\n");
    for (const PhysicalLink& l : thin.links())
        if (l.cls == "leaf-spine") {
            const bool hit = thin.label(l.from) == "leaf-0.0" || thin.label(l.to) == "leaf-0.0";
            CHECK(l.cables == (hit ? 1 : 2));
            CHECK(l.capacity.si() == (hit ? 10e9 : 20e9));
        }
}

TEST_CASE("faults: behind a dead NIC the next GPU of the node relays, there and back") {
    const Cluster cluster = broken("[[faults.nic]]\ngpu = 0\n");
    CHECK_FALSE(cluster.uniform());
    CHECK(cluster.nic_out(0) == cluster.nic_out(1));
    CHECK(cluster.hardware(0) != cluster.hardware(1));
    CHECK(cluster.hops(0, 3) == 2 + 2);  // NVLink to GPU 1, then its leaf
    CHECK(carried(cluster, 0, 3, "gpu-1") == 1);
    CHECK(carried(cluster, 3, 0, "gpu-1") == 1);  // over NVLink to GPU 0
    // 2 -> 0 leaves on rail 0 and arrives on rail 1, so over the spines.
    CHECK(cluster.hops(2, 0) == 4 + 2);
    // Planes that do not meet: only a peer of the destination's node can help.
    const Cluster planes =
        cluster_from(tree_text("multi_plane_fat_tree", 4, 2, 8) + "[[faults.nic]]\ngpu = 0\n");
    CHECK(planes.hops(2, 0) == 2 + 2 + 2);
}

TEST_CASE("faults: a slow NIC and a slow GPU keep their ways and lose rate") {
    const Cluster cluster =
        broken("[[faults.nic]]\ngpu = 2\nrate = 0.5\n[[faults.gpu]]\ngpu = 5\nspeed = 0.8\n");
    CHECK(cluster.links().at(static_cast<std::size_t>(cluster.nic_out(2))).capacity.si() == 5e9);
    CHECK(cluster.speed(5) == 0.8);
    CHECK(cluster.speed(4) == 1);
    CHECK(cluster.hardware(0) == cluster.hardware(1));
    CHECK(cluster.hardware(5) != cluster.hardware(4));
    CHECK(cluster.hardware(2) != cluster.hardware(5));
}

TEST_CASE("faults: two ports of a NIC outlive one leaf") {
    const std::string pod =
        "kind = \"clos\"\ndevice = \"h800-sxm\"\nnodes = 8\ngpus_per_node = 2\n"
        "nvlink = \"100 GB/s\"\nnvlink_hop = \"1 us\"\nnic = \"10 GB/s\"\nnic_hop = \"3 us\"\n"
        "hop = \"5 us\"\nhosts_per_leaf = 4\nspines = 2\nnic_ports = 2\n";
    const Cluster cluster = cluster_from(pod + "[[faults.switch]]\nname = \"leaf-0.0\"\n");
    CHECK(cluster.hops(0, 2) == 2);
    CHECK(carried(cluster, 0, 2, "leaf-1.0") == 1);
    CHECK(carried(cluster, 8, 10, "leaf-0.2") == 0.5);  // elsewhere both planes work
}

TEST_CASE("faults: what is not there, and what cuts the cluster, is refused at its place") {
    const auto refused = [](const std::string& faults) { return complaint(kTree + faults); };
    CHECK_THAT(refused("[[faults.gpu]]\ngpu = 8\nspeed = 0.5\n"),
               Contains("cluster.toml:14:7: error: faults.gpu.0.gpu: GPU 8 of a cluster of 8"));
    CHECK_THAT(refused("[[faults.gpu]]\ngpu = 1\nspeed = 0\n"), Contains("faults.gpu.0.speed: "));
    CHECK_THAT(refused("[[faults.gpu]]\ngpu = 1\nspeed = 1.5\n"), Contains("faults.gpu.0.speed: "));
    CHECK_THAT(refused("[[faults.gpu]]\ngpu = 1\nspeed = nan\n"), Contains("faults.gpu.0.speed: "));
    CHECK_THAT(refused("[[faults.gpu]]\ngpu = -1\nspeed = 1.0\n"), Contains("faults.gpu.0.gpu: "));
    CHECK_THAT(refused("[[faults.nic]]\ngpu = 1\n[[faults.nic]]\ngpu = 1\n"),
               Contains("faults.nic.1.gpu: GPU 1 twice"));
    CHECK_THAT(refused("[[faults.switch]]\nname = \"spine-9\"\n"),
               Contains("no 'spine-9'") && Contains("did you mean 'spine-0'?"));
    CHECK_THAT(refused("[[faults.switch]]\nname = \"gpu-0\"\n"), Contains("is a GPU"));
    CHECK_THAT(refused("[[faults.link]]\nfrom = \"gpu-0\"\nto = \"spine-0\"\n"),
               Contains("no link from 'gpu-0' to 'spine-0'"));
    CHECK_THAT(refused("[[faults.link]]\nfrom = \"leaf-0.0\"\nto = \"spine-0\"\ncables = 3\n"),
               Contains("cables: 3 of 1 cables"));
    CHECK_THAT(refused("[[faults.switch]]\nname = \"spine-0\"\n[[faults.switch]]\n"
                       "name = \"spine-1\"\n"),
               Contains("faults: no way from gpu-0 to gpu-4") && Contains("cut the cluster"));
    CHECK_THAT(refused("[faults]\nswich = []\n"), Contains("swich") && Contains("switch"));
}

TEST_CASE("mixed nodes: GPUs have the device and the port rates of their node") {
    const std::string more =
        "[[other_nodes]]\nfirst = 3\nlast = 3\ndevice = \"h20\"\nnvlink = \"450 GB/s\"\n";
    const Cluster cluster = cluster_from(kTree + more);
    CHECK(cluster.device().name == "h800-sxm");
    CHECK(cluster.device(5).name == "h800-sxm");
    CHECK(cluster.device(6).name == "h20");
    CHECK_FALSE(cluster.uniform());
    CHECK(cluster.links().at(static_cast<std::size_t>(cluster.nvlink_out(6))).capacity.si() ==
          450e9);
    CHECK(cluster.links().at(static_cast<std::size_t>(cluster.nvlink_out(5))).capacity.si() ==
          100e9);
    // The device of most GPUs is the cluster's.
    const Cluster most =
        cluster_from(kTree + "[[other_nodes]]\nfirst = 1\nlast = 3\ndevice = \"h20\"\n");
    CHECK(most.device().name == "h20");
    CHECK(most.device(0).name == "h800-sxm");
    CHECK_THAT(complaint(kTree + "[[other_nodes]]\nfirst = 3\nlast = 4\ndevice = \"h20\"\n"),
               Contains("other_nodes.0.last: node 4 of a cluster of 4"));
    CHECK_THAT(complaint(kTree + more + more), Contains("nodes 3 to 3 are described twice"));
    CHECK_THAT(complaint(kTree + "[[other_nodes]]\nfirst = 3\nlast = 2\ndevice = \"h20\"\n"),
               Contains("2 comes before 3"));
    CHECK_THAT(complaint(kTree + "[[other_nodes]]\nfirst = 3\nlast = 3\ndevice = \"h21\"\n"),
               Contains("other_nodes.0.device: no 'h21' here"));
}

TEST_CASE("faults of a scenario come on top of those of its cluster") {
    auto in = moesim::sim::Table::from_text(
        "cluster = \"test-2x4\"\n[[faults.gpu]]\ngpu = 3\nspeed = 0.5\n", "s.toml");
    CHECK(load_cluster(in, "cluster").speed(3) == 0.5);
    auto wrong = moesim::sim::Table::from_text(
        "cluster = \"test-2x4\"\n[[faults.gpu]]\ngpu = 30\nspeed = 0.5\n", "s.toml");
    CHECK_THROWS_WITH(load_cluster(wrong, "cluster"),
                      Contains("s.toml:3:7: error: faults.gpu.0.gpu"));
}
