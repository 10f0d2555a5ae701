#include "analysis/report/tiers.hpp"

#include <catch2/catch.hpp>

using namespace moesim;

namespace {

double count_of(const analysis::Tiers& t, const std::string& name) {
    for (const analysis::Tier& tier : t.tiers)
        if (tier.name == name) return tier.count;
    return 0;
}

}  // namespace

TEST_CASE("tiers: a fat tree is a row from the NVSwitches to the last switches") {
    // 256 nodes of 8 GPUs with one NIC each; the counts of `moesim topology deepseek-h800-2048`.
    const auto cluster = topologies::load_cluster("deepseek-h800-2048");
    const auto tiers = analysis::tiers_of(cluster);
    CHECK(count_of(tiers, "GPU") == 2048);
    CHECK(count_of(tiers, "NVSwitch") == 256);
    CHECK(tiers.tiers.front().name == "NVSwitch");
    CHECK(tiers.tiers[1].name == "GPU");
    for (const analysis::TierEdge& e : tiers.edges) {
        CHECK(e.from <= e.to);
        if (e.cls == "nvlink" || e.cls == "nic") CHECK(e.cables == 2048);
        if (e.cls == "nvlink") CHECK(e.capacity_bytes_per_s == Approx(200e9));
    }
}

TEST_CASE("tiers: cables are those that `moesim topology` counts, both directions one") {
    const auto cluster = topologies::load_cluster("test-2x4");
    double cables = 0;
    for (const analysis::TierEdge& e : analysis::tiers_of(cluster).edges)
        cables += e.cls != "nvlink" ? e.cables : 0;
    CHECK(cables == cluster.summary().links);
}

TEST_CASE("tiers: every kind of fabric can be drawn") {
    for (const char* name :
         {"node-oam-mi300x", "test-2x4", "gb200-nvl72-8racks", "tpu-v4-pod", "rail-only"}) {
        INFO(name);
        const auto cluster = topologies::load_cluster(name);
        const auto tiers = analysis::tiers_of(cluster);
        CHECK(count_of(tiers, "GPU") == cluster.gpus());
        const std::string svg = analysis::tiers_svg(tiers, cluster.gpus_per_node());
        CHECK(svg.find("GPU") != std::string::npos);
        CHECK(svg.find("nan") == std::string::npos);
    }
}
