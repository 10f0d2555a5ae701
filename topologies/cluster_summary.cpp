#include <algorithm>

#include "topologies/bisection.hpp"
#include "topologies/cluster_impl.hpp"

namespace moesim::topologies {
namespace {

constexpr int kAllPairs = 512;  // GPUs up to which every pair is looked at; beyond, so many sources
constexpr int kSampled = 64;    // destinations looked at beyond

/// Some GPUs, evenly over the nodes and over the places in a node; all when `wanted` says so.
std::vector<int> evenly(const Cluster& cluster, int wanted) {
    std::vector<int> out;
    const int per_node = cluster.gpus_per_node();
    for (int i = 0; i < wanted; ++i) {
        const auto gpu = static_cast<int>(std::int64_t{i} * cluster.gpus() / wanted);
        const int place = wanted == cluster.gpus() ? gpu : i;
        out.push_back(gpu / per_node * per_node + place % per_node);
    }
    return out;
}

void add_distances(const Cluster& cluster, Cluster::Summary& summary) {
    std::vector<double> latencies;
    const auto look = [&](int a, int b) {
        if (a == b) return;
        summary.diameter_hops = std::max(summary.diameter_hops, cluster.hops(a, b));
        latencies.push_back(cluster.latency(a, b).si());
    };
    const int gpus = cluster.gpus(), per_node = cluster.gpus_per_node();
    const auto sources = evenly(cluster, std::min(gpus, kAllPairs));
    for (const int b : evenly(cluster, gpus <= kAllPairs ? gpus : kSampled)) {
        for (const int a : sources) look(a, b);
        if (gpus <= kAllPairs) continue;
        const int first = b / per_node * per_node;  // its own node, which a sample may miss
        for (int a = first; a < first + per_node; ++a) look(a, b);
    }
    if (latencies.empty()) return;
    const auto [least, most] = std::minmax_element(latencies.begin(), latencies.end());
    summary.latency_min_s = *least;
    summary.latency_max_s = *most;
    const auto middle = latencies.begin() + static_cast<std::ptrdiff_t>(latencies.size() / 2);
    std::nth_element(latencies.begin(), middle, latencies.end());
    summary.latency_median_s = *middle;  // the upper one of an even number
}

}  // namespace

Cluster::Summary Cluster::summary() const {
    Summary summary{};
    summary.gpus = gpus();
    summary.nodes = hosts();
    summary.domains = nodes();
    for (const Place place : impl_->places) {
        summary.switches += place == Place::switch_ ? 1 : 0;
        summary.nvswitches += place == Place::nvswitch ? 1 : 0;
    }
    summary.nvswitch_chips = summary.nvswitches * impl_->switch_chips;
    int directed = 0;  // cables that leave a node or join switches, each direction once
    for (const PhysicalLink& l : impl_->links) {
        const int from = impl_->nodes[l.from], to = impl_->nodes[l.to];
        if (from < 0 || from != to) directed += l.cables;
    }
    summary.links = directed / 2;
    summary.bisection_bytes_per_s = bisection(*impl_).si();
    add_distances(*this, summary);
    return summary;
}

}  // namespace moesim::topologies
