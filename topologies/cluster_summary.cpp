#include <algorithm>
#include <cmath>
#include <map>

#include "topologies/bisection.hpp"
#include "topologies/cluster_impl.hpp"

namespace moesim::topologies {
namespace {

constexpr int kAllPairs = 512;  // GPUs up to which every pair is looked at; beyond, so many sources
constexpr int kSampled = 64;    // destinations looked at beyond, and peers in the own node
constexpr int kHuge = 32768;    // GPUs from which on fewer destinations are looked at
constexpr int kSampledOfHuge = 12;

/// Some GPUs, evenly over the nodes and over the places in a node; all when `wanted` says so.
std::vector<int> evenly(const Cluster& cluster, int wanted) {
    std::vector<int> out;
    const int per_node = cluster.gpus_per_node();
    for (int i = 0; i < wanted; ++i) {
        const auto gpu = static_cast<int>(std::int64_t{i} * cluster.gpus() / wanted);
        const int place = wanted == cluster.gpus() || cluster.nodes() == 1 ? gpu : i;
        out.push_back(gpu / per_node * per_node + place % per_node);
    }
    return out;
}

void add_distances(const Cluster& cluster, Cluster::Summary& summary) {
    std::vector<double> latencies;
    std::map<int, int> hops;
    const auto look = [&](int a, int b) {
        if (a == b) return;
        ++hops[cluster.hops(a, b)];
        latencies.push_back(cluster.latency(a, b).si());
    };
    const int gpus = cluster.gpus(), per_node = cluster.gpus_per_node();
    const auto sources = evenly(cluster, std::min(gpus, kAllPairs));
    const int sampled = gpus > kHuge ? kSampledOfHuge : kSampled;
    for (const int b : evenly(cluster, gpus <= kAllPairs ? gpus : sampled)) {
        for (const int a : sources) look(a, b);
        if (gpus <= kAllPairs) continue;
        const int first = b / per_node * per_node;  // its own node, which a sample may miss
        for (int a = first; a < first + std::min(per_node, kSampled); ++a) look(a, b);
    }
    if (latencies.empty()) return;
    int farthest = 0;  // from two GPUs to all: what a sample of pairs may miss
    if (gpus > kAllPairs && gpus <= kHuge)
        for (const int b : {0, gpus / 2})
            for (int a = 0; a < gpus; ++a) farthest = std::max(farthest, cluster.hops(a, b));
    const auto pairs = static_cast<double>(latencies.size());
    for (const auto& [h, n] : hops) summary.hops.emplace_back(h, n / pairs);
    summary.diameter_hops = std::max(farthest, hops.rbegin()->first);
    std::map<std::int64_t, int> picoseconds;  // what differs by rounding is one value
    for (const double t : latencies) ++picoseconds[std::llround(t * 1e12)];
    for (const auto& [ps, n] : picoseconds)
        summary.latencies.emplace_back(static_cast<double>(ps) * 1e-12, n / pairs);
    const auto [least, most] = std::minmax_element(latencies.begin(), latencies.end());
    summary.latency_min_s = *least;
    summary.latency_max_s = *most;
    const auto middle = latencies.begin() + static_cast<std::ptrdiff_t>(latencies.size() / 2);
    std::nth_element(latencies.begin(), middle, latencies.end());
    summary.latency_median_s = *middle;  // the upper one of an even number
}

void add_tiers(const Cluster::Impl& c, Cluster::Summary& summary) {
    std::map<std::string, std::size_t> order;
    std::vector<std::size_t> tier_of(c.places.size(), std::string::npos);
    for (Vertex v = 0; v < c.places.size(); ++v) {
        if (c.places[v] != Place::switch_) continue;
        const std::string name = c.labels[v].substr(0, c.labels[v].find('-'));
        const auto [at, fresh] = order.try_emplace(name, summary.tiers.size());
        if (fresh) summary.tiers.push_back({name, 0, 0, 0, 0});
        tier_of[v] = at->second;
        ++summary.tiers[at->second].switches;
    }
    std::vector<double> below(summary.tiers.size()), above(summary.tiers.size());
    for (const PhysicalLink& l : c.links) {
        const std::size_t from = tier_of[l.from], to = tier_of[l.to];
        if (from == std::string::npos || from == to) continue;  // from a switch, not to its like
        const bool up = to != std::string::npos && to > from;
        (up ? summary.tiers[from].up : summary.tiers[from].down) += l.cables;
        (up ? above : below)[from] += l.capacity.si();
    }
    for (std::size_t t = 0; t < summary.tiers.size(); ++t) {
        Cluster::Tier& tier = summary.tiers[t];
        tier.down /= tier.switches;
        tier.up /= tier.switches;
        tier.oversubscription = above[t] > 0 ? below[t] / above[t] : 0;
    }
    if (c.given.core_ports > 0 && !summary.tiers.empty()) {
        summary.tiers.back().up = c.given.core_ports;
        summary.tiers.back().oversubscription = c.given.core_oversubscription;
    }
}

/// Every GPU of a sample sends to the one half a cluster away: the hottest link between switches
/// under the cluster's own rule over the hottest one under spreading.
double collision(const Cluster::Impl& c) {
    if (c.ecmp == Ecmp::spread) return 1;
    constexpr int kMost = 2048;
    const auto gpus = static_cast<int>(c.gpus.size());
    std::vector<Flow> flows;
    for (int g = 0; g < std::min(gpus, kMost); ++g) flows.push_back({g, (g + gpus / 2) % gpus, 1});
    const auto hottest = [&](Ecmp ecmp) {
        double most = 0;
        for (const LinkLoad& load : loads_of(c, flows, ecmp)) {
            const PhysicalLink& l = c.links[load.link];
            if (c.places[l.from] == Place::switch_ && c.places[l.to] == Place::switch_)
                most = std::max(most, load.bytes / l.capacity.si());
        }
        return most;
    };
    const double even = hottest(Ecmp::spread);
    return even > 0 ? hottest(Ecmp::hash) / even : 1;
}

}  // namespace

Cluster::Summary Cluster::summary() const {
    Summary summary{};
    summary.gpus = gpus();
    summary.nodes = hosts();
    summary.domains = nodes();
    for (Vertex v = 0; v < impl_->places.size(); ++v) {
        const bool host =
            impl_->labels[v].starts_with("pci-") || impl_->labels[v].starts_with("cpu-");
        summary.switches += impl_->places[v] == Place::switch_ ? 1 : 0;
        summary.nvswitches += impl_->places[v] == Place::nvswitch && !host ? 1 : 0;
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
    add_tiers(*impl_, summary);
    summary.collision = collision(*impl_);
    std::map<std::string, int> cables;
    for (const PhysicalLink& l : impl_->links) cables[l.cls] += l.cables;
    for (const auto& [cls, count] : cables) summary.cables.emplace_back(cls, count / 2);
    summary.network_usd = impl_->given.network_usd;
    summary.usd_per_endpoint = impl_->given.usd_per_endpoint;
    summary.network_power_w = impl_->given.power_w;
    return summary;
}

}  // namespace moesim::topologies
