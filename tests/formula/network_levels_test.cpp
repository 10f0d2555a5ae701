#include <catch2/catch.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/random.hpp"
#include "sim/registry.hpp"
#include "sim/task_graph.hpp"
#include "topologies/collective.hpp"

using namespace moesim;
using namespace moesim::topologies;

namespace {

constexpr int kPerNode = 8;
constexpr double kNvlink = 400e9, kNic = 50e9, kToken = 8192;

GroupShape shape_of(int ranks) {
    GroupShape shape;
    for (int r = 0; r < ranks; ++r) {
        shape.node.push_back(r / kPerNode);
        shape.local.push_back(r % kPerNode);
    }
    shape.nodes = ranks / kPerNode;
    return shape;
}

/// Every source of a kind of its own. skew 0: all destinations alike; else each source draws its
/// weights exp(skew x normal), so that both columns and single pairs differ.
Copies copies_of(int ranks, double skew, std::uint64_t seed) {
    models::Random random{{seed}};
    Copies out;
    for (int s = 0; s < ranks; ++s) {
        std::vector<double> rows;
        double sum = 0;
        for (int d = 0; d < ranks; ++d) {
            const double u = std::max(1e-12, random.uniform()), v = random.uniform();
            rows.push_back(
                std::exp(skew * std::sqrt(-2 * std::log(u)) * std::cos(6.283185307 * v)));
            sum += rows.back();
        }
        for (double& r : rows) r *= 8 / sum;
        out.rows.push_back(rows);
        out.gpu.push_back(rows);
        out.node.emplace_back();
        for (int n = 0; n < ranks / kPerNode; ++n) {
            double touched = 0;
            for (int l = 0; l < kPerNode; ++l)
                touched += rows[static_cast<std::size_t>(n * kPerNode + l)];
            out.node.back().push_back(std::min(1.0, touched));
        }
    }
    return out;
}

/// Seconds of one phase on the ports alone: by what each port carries, or pair by pair.
double seconds(const GroupShape& shape, const Flows& flows, bool pairwise) {
    sim::TaskGraph graph;
    const auto ranks = static_cast<std::uint32_t>(flows.ranks);
    const std::uint32_t cls = graph.add_rank_class("all", ranks, 1);
    const sim::StreamId stream = graph.add_stream({"ep", cls, ranks, false});
    std::vector<sim::LinkId> out_nvl, in_nvl, out_nic, in_nic;
    for (std::uint32_t r = 0; r < ranks; ++r) {
        const auto link = [&](double rate) {
            return graph.add_link({"port", "port", BytesPerSecond{rate}});
        };
        out_nvl.push_back(link(kNvlink));
        in_nvl.push_back(link(kNvlink));
        out_nic.push_back(link(kNic));
        in_nic.push_back(link(kNic));
    }
    std::vector<sim::Demand> demands;
    const auto add = [&](std::vector<sim::LinkId> path, double copies, double rate) {
        if (copies > 0)
            demands.push_back(
                {graph.add_path(std::move(path)), copies * kToken, copies * kToken / rate});
    };
    if (pairwise) {
        for (std::size_t s = 0; s < ranks; ++s)
            for (std::size_t d = 0; d < ranks; ++d) {
                const bool inside = shape.node[s] == shape.node[d];
                add({inside ? out_nvl[s] : out_nic[s], inside ? in_nvl[d] : in_nic[d]},
                    flows.at(s, d), inside ? kNvlink : kNic);
            }
    } else {
        const PortLoads p = port_loads(shape, flows);
        for (std::size_t r = 0; r < ranks; ++r) {
            add({out_nvl[r]}, p.nvlink_out[r], kNvlink);
            add({in_nvl[r]}, p.nvlink_in[r], kNvlink);
            add({out_nic[r]}, p.nic_out[r], kNic);
            add({in_nic[r]}, p.nic_in[r], kNic);
        }
    }
    const sim::StreamId streams[] = {stream};
    graph.add_transfer(streams, 0, 0, demands, {sim::Kind::ep}, {});
    return sim::Registry<sim::Engine>::make("simgrid")->run(graph).makespan;
}

struct Difference {
    double links = 0, pairwise = 0;
    [[nodiscard]] double relative() const { return pairwise / links - 1; }
};

Difference compare(const std::string& dispatcher, int ranks, double skew, std::uint64_t seed) {
    const GroupShape shape = shape_of(ranks);
    std::vector<int> kinds;
    for (int r = 0; r < ranks; ++r) kinds.push_back(r);
    Difference out;
    for (const Flows& phase : sim::Registry<Dispatcher>::make(dispatcher)
                                  ->flows(shape, copies_of(ranks, skew, seed), kinds, 1000)) {
        out.links += seconds(shape, phase, false);
        out.pairwise += seconds(shape, phase, true);
    }
    return out;
}

}  // namespace

TEST_CASE("formula: a balanced exchange takes the same time by links and pair by pair") {
    const int ranks = GENERATE(8, 16, 32, 64);
    for (const char* dispatcher : {"alltoall", "deepep"}) {
        const Difference d = compare(dispatcher, ranks, 0, 1);
        INFO(dispatcher << " " << ranks);
        // 1000 tokens x 8 rows spread evenly: rows to other nodes over one NIC.
        const double p = ranks;
        const double expected = ranks > kPerNode && std::string{dispatcher} == "alltoall"
                                    ? 8000 * (p - kPerNode) / p * kToken / kNic
                                    : d.links;
        CHECK(d.links == Approx(expected).epsilon(1e-9));
        CHECK(d.pairwise == Approx(d.links).epsilon(1e-6));
    }
}

TEST_CASE("formula: a skewed exchange takes at most 5 % longer pair by pair than by links") {
    // By links a time is the busiest port's, a lower bound: max-min shares between pairs leave
    // capacity idle when a pair waits at its other port. How far that goes:
    std::string table = "\n";
    double worst = 0;
    for (const char* dispatcher : {"alltoall", "deepep", "hierarchical"})
        for (const int ranks : {8, 16, 32, 64})
            for (const double skew : {0.3, 1.0}) {
                double sum = 0, most = 0;
                const int seeds = ranks == 64 ? 1 : 3;
                for (int seed = 1; seed <= seeds; ++seed) {
                    const Difference d =
                        compare(dispatcher, ranks, skew, static_cast<std::uint64_t>(seed));
                    CHECK(d.relative() > -1e-6);
                    sum += d.relative() / seeds;
                    most = std::max(most, d.relative());
                }
                worst = std::max(worst, most);
                table +=
                    fmt::format("{:<13} {:3} ranks, skew {:.1f}: mean {:5.2f} %, most {:5.2f} %\n",
                                dispatcher, ranks, skew, 100 * sum, 100 * most);
            }
    WARN("pairwise over links" << table);
    CHECK(worst < 0.05);
}
