#include <algorithm>
#include <catch2/catch.hpp>

#include "topologies/cluster.hpp"

// Port arithmetic of published fabrics: what follows from a few stated numbers is what is
// published.

using namespace moesim::topologies;

namespace {

struct Expected {
    std::string cluster;
    int gpus, nodes;
    std::vector<int> switches;  // by tier, from the leaves up
    int cables;                 // outside nodes
};

}  // namespace

TEST_CASE("published: DGX SuperPODs have the leaves, spines and cores of the component table") {
    const Expected e = GENERATE(values<Expected>({
        // An SU: 32 nodes, 8 leaves of 32 ports down and 32 up. Two tiers: spines = leaves x 32
        // / 64.
        {"dgx-superpod-1su", 256, 32, {8, 4}, 2 * 256},
        {"dgx-superpod-2su", 512, 64, {16, 8}, 2 * 512},
        {"dgx-superpod-4su", 1024, 128, {32, 16}, 2 * 1024},
        {"dgx-superpod-8su", 2048, 256, {64, 32}, 2 * 2048},
        // Three tiers: as many spines as leaves, cores = spines x 32 / 64.
        {"dgx-superpod-16su", 4096, 512, {128, 128, 64}, 3 * 4096},
        {"dgx-superpod-32su", 8192, 1024, {256, 256, 128}, 3 * 8192},
        {"dgx-superpod-64su", 16384, 2048, {512, 512, 256}, 3 * 16384},
        // XDR: 144 ports, 72 nodes to an SU; 8 x 72 / 144 = 4 spines.
        {"dgx-b300-xdr-1su", 576, 72, {8, 4}, 2 * 576},
    }));
    CAPTURE(e.cluster);
    const Cluster::Summary s = load_cluster(e.cluster).summary();
    CHECK(s.gpus == e.gpus);
    CHECK(s.nodes == e.nodes);
    CHECK(s.links == e.cables);
    REQUIRE(s.tiers.size() == e.switches.size());
    for (std::size_t t = 0; t < e.switches.size(); ++t) {
        CAPTURE(s.tiers[t].name);
        CHECK(s.tiers[t].switches == e.switches[t]);
        if (t + 1 < e.switches.size()) CHECK(s.tiers[t].oversubscription == Approx(1));
    }
}

TEST_CASE("published: ref-mpft-16384 has eight planes of 96 switches") {
    const Cluster::Summary s = load_cluster("ref-mpft-16384").summary();
    CHECK(s.gpus == 16384);
    CHECK(s.switches == 8 * 96);  // 2048 endpoints: 64 leaves and 32 spines of 64 ports
    CHECK(s.links == 2 * 16384);  // to the leaves, and 16,384 between switches
    CHECK(s.usd_per_endpoint == 4390);
}

TEST_CASE("published: ref-ft3-65536 is the largest tree of three tiers of 64 ports") {
    const Cluster::Summary s = load_cluster("ref-ft3-65536").summary();
    CHECK(s.gpus == 64 * 64 * 64 / 4);
    CHECK(s.switches == 5120);  // 64 pods x (32 + 32) + 32 x 32
    CHECK(s.links == 65536 + 131072);
    CHECK(s.diameter_hops == 6);
}

TEST_CASE("published: ref-dragonfly-261632 has 511 groups of 32 switches") {
    const Cluster::Summary s = load_cluster("ref-dragonfly-261632").summary();
    CHECK(s.gpus == 511 * 32 * 16);
    CHECK(s.switches == 511 * 32);
    // Local: 32 x 31 / 2 in each group. Global: all of the 512 ports of a group, 510 of which go to
    // one other group each.
    CHECK(s.links == 261632 + 511 * 496 + 511 * 512 / 2);
    CHECK(511 * 496 + 511 * 512 / 2 == 384272);
    CHECK(s.diameter_hops == 5);  // NIC, local, global, local, NIC
}

// Slim Fly of q = 28 (q = 4 w, w = 7): 2 q^2 switches of network degree (3 q) / 2 = 42, and
// p = 42 / 2 = 21 endpoints on each. No graph: 28 is no prime power.
TEST_CASE("published: ref-slimfly-32928 is a count, 32,928 endpoints on 1,568 switches") {
    constexpr int q = 28, switches = 2 * q * q, degree = 3 * q / 2, endpoints = degree / 2;
    CHECK(switches == 1568);
    CHECK(switches * endpoints == 32928);
    CHECK(switches * degree / 2 == 32928);  // cables between switches
    CHECK(degree + endpoints <= 64);
}

TEST_CASE("published: alibaba-hpn7-pod has 240 leaves, 120 spines and 15:1 above them") {
    const Cluster::Summary s = load_cluster("alibaba-hpn7-pod").summary();
    CHECK(s.gpus == 15360);
    REQUIRE(s.tiers.size() == 2);
    CHECK(s.tiers[0].switches == 240);  // 15 segments x 8 rails x 2 planes
    CHECK(s.tiers[0].down == 128);      // ports of 200 Gbit/s
    CHECK(s.tiers[0].up == 60);         // of 400 Gbit/s
    CHECK(s.tiers[0].oversubscription == Approx(128 * 200.0 / (60 * 400)));  // 1.067
    CHECK(s.tiers[1].switches == 120);
    CHECK(s.tiers[1].down == 120);
    CHECK(s.tiers[1].up == 8);
    CHECK(s.tiers[1].oversubscription == Approx(15));
}

TEST_CASE("published: meta-24k-roce is 7:1 between pods, its twin 1:1") {
    // A pod: 3,072 GPUs of 50 GB/s; half of all GPUs are four pods.
    const double gpus = 12288 * 50e9;
    const Cluster::Summary s = load_cluster("meta-24k-roce").summary();
    CHECK(s.gpus == 24576);
    CHECK(s.tiers[0].switches == 1536);  // one per rack of two nodes
    CHECK(s.tiers[0].down == 16);
    CHECK(s.tiers[0].oversubscription == Approx(0.5));
    CHECK(s.bisection_bytes_per_s == Approx(gpus / 7));
    CHECK(load_cluster("meta-24k-nonblocking").summary().bisection_bytes_per_s == Approx(gpus));
}

TEST_CASE("published: frontier has four cables between groups and a global taper of 1.753") {
    const Cluster::Summary s = load_cluster("frontier").summary();
    CHECK(s.gpus == 9408 * 4);
    CHECK(s.nodes == 9408);
    CHECK(s.switches == 74 * 32);
    const auto global = std::find_if(s.cables.begin(), s.cables.end(),
                                     [](const auto& c) { return c.first == "global"; });
    REQUIRE(global != s.cables.end());
    CHECK(global->second == 74 * 73 / 2 * 4);
    // 512 endpoints to a group, 73 x 4 = 292 cables out of it.
    CHECK(512.0 / (2.0 * global->second / 74) == Approx(1.753).epsilon(1e-3));
}

TEST_CASE("published: cloudmatrix384 has 336 and 112 switches in seven planes, non-blocking") {
    const Cluster cluster = load_cluster("cloudmatrix384");
    const Cluster::Summary s = cluster.summary();
    CHECK(s.gpus == 384);
    CHECK(s.nodes == 48);
    CHECK(s.domains == 1);
    CHECK(s.switches == 336 + 112);
    CHECK(s.tiers[0].oversubscription == Approx(1));
    CHECK(s.bisection_bytes_per_s == Approx(192 * 392e9));
    CHECK(cluster.hops(0, 7) == 2);
    CHECK(cluster.hops(0, 8) == 4);
}

TEST_CASE("published: TPU pods are tori, GB200 and GB300 racks one NVLink domain") {
    const Cluster::Summary v4 = load_cluster("tpu-v4-pod").summary();
    CHECK(v4.gpus == 4096);
    CHECK(v4.nodes == 1024);
    CHECK(v4.diameter_hops == 3 * 8);  // half of each ring
    // 2 cuts x 16 x 16 links of 50 GB/s, each direction.
    CHECK(v4.bisection_bytes_per_s == Approx(2 * 256 * 50e9));
    CHECK(load_cluster("tpu-v5p-pod").gpus() == 8960);
    const Cluster::Summary rack = load_cluster("gb200-nvl72").summary();
    CHECK(rack.gpus == 72);
    CHECK(rack.nodes == 18);
    CHECK(rack.domains == 1);
    CHECK(rack.nvswitch_chips == 18);
    const Cluster::Summary racks = load_cluster("gb200-superpod-1su").summary();
    CHECK(racks.gpus == 576);
    CHECK(racks.domains == 8);
    CHECK(racks.nodes == 144);
    CHECK(load_cluster("azure-gb300-4608").gpus() == 4608);
}

TEST_CASE("published: the cluster of MegaScale has 64 servers to eight leaves of 32 uplinks") {
    const Cluster::Summary s = load_cluster("bytedance-megascale-12288").summary();
    CHECK(s.gpus == 12288);
    CHECK(s.tiers[0].switches == 24 * 8);
    CHECK(s.tiers[0].down == 64);  // of 200 Gbit/s
    CHECK(s.tiers[0].up == 32);    // of 400 Gbit/s
    CHECK(s.tiers[0].oversubscription == Approx(1));
}
