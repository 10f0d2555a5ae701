#include "topologies/approach.hpp"

#include <algorithm>

#include "topologies/cluster_impl.hpp"

namespace moesim::topologies {
namespace {

using Reached = std::vector<std::pair<Vertex, std::uint16_t>>;  // nearest first

/// Whether a link forwards on this leg: neither end is a GPU.
bool forwards(const Cluster::Impl& c, std::uint32_t link, Leg leg) {
    const PhysicalLink& l = c.links[link];
    return c.legs[link] == leg && !c.is_gpu(l.from) && !c.is_gpu(l.to);
}

/// Breadth-first, against the links, from all hubs at once. `seen` is all kUnreachable before and
/// after: a search inside a node reaches one vertex of a hundred thousand.
Reached search(const Cluster::Impl& c, Leg leg, const std::vector<Vertex>& hubs,
               std::vector<std::uint16_t>& seen) {
    Reached out;
    const auto reach = [&](Vertex v, int hops) {
        if (seen[v] != Approach::kUnreachable) return;
        seen[v] = static_cast<std::uint16_t>(hops);
        out.emplace_back(v, seen[v]);
    };
    for (const Vertex hub : hubs) reach(hub, 0);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const auto [at, hops] = out[i];
        for (const auto& e : boost::make_iterator_range(boost::in_edges(at, c.graph)))
            if (const auto link = c.graph[e].link; forwards(c, link, leg))
                reach(c.links[link].from, hops + 1);
    }
    for (const auto& [v, hops] : out) seen[v] = Approach::kUnreachable;
    return out;
}

Approach approach(const Cluster::Impl& c, Leg leg, const std::vector<Vertex>& hubs,
                  std::vector<std::uint16_t>& seen) {
    Approach out;
    if (hubs.empty()) return out;
    const Reached reached = search(c, leg, hubs, seen);
    const auto [least, most] = std::minmax_element(reached.begin(), reached.end());
    out.first = least->first;
    const std::size_t span = most->first - least->first + 1;
    out.hops.assign(span, Approach::kUnreachable);
    for (const auto& [v, h] : reached) out.hops[v - out.first] = h;

    for (Vertex v = out.first; v <= most->first; ++v) {
        out.begin.push_back(static_cast<std::uint32_t>(out.next.size()));
        if (const int h = out.hops_from(v); h != Approach::kUnreachable && h != 0)
            for (const auto& e : boost::make_iterator_range(boost::out_edges(v, c.graph)))
                if (const auto link = c.graph[e].link;
                    forwards(c, link, leg) && out.hops_from(c.links[link].to) + 1 == h)
                    out.next.push_back(link);
    }
    out.begin.push_back(static_cast<std::uint32_t>(out.next.size()));

    out.seconds.assign(span, 0);
    for (const auto& [v, h] : reached) {
        double sum = 0, cables = 0;
        for (const std::uint32_t link : out.next_from(v)) {
            const PhysicalLink& l = c.links[link];
            sum += l.cables * (l.latency.si() + out.seconds[l.to - out.first]);
            cables += l.cables;
        }
        if (cables > 0) out.seconds[v - out.first] = sum / cables;
    }
    return out;
}

/// The forwarding vertices from which a link of the leg ends at `gpu`, sorted.
std::vector<Vertex> hubs_of(const Cluster::Impl& c, Vertex gpu, Leg leg) {
    std::vector<Vertex> hubs;
    for (const auto& e : boost::make_iterator_range(boost::in_edges(gpu, c.graph)))
        if (const auto link = c.graph[e].link; c.legs[link] == leg && !c.is_gpu(c.links[link].from))
            hubs.push_back(c.links[link].from);
    std::sort(hubs.begin(), hubs.end());
    hubs.erase(std::unique(hubs.begin(), hubs.end()), hubs.end());
    return hubs;
}

std::size_t bytes_of(const Approach& a) {
    return sizeof(Approach) + a.hops.size() * (sizeof(std::uint16_t) + sizeof(double)) +
           (a.begin.size() + a.next.size()) * sizeof(std::uint32_t);
}

}  // namespace

std::shared_ptr<const Approach> Approaches::to(const Cluster::Impl& cluster, Vertex gpu, Leg leg) {
    Key key{leg, hubs_of(cluster, gpu, leg)};
    if (const auto found = known_.find(key); found != known_.end()) return found->second;

    seen_.resize(cluster.places.size(), Approach::kUnreachable);
    auto made = std::make_shared<const Approach>(approach(cluster, leg, key.second, seen_));
    for (bytes_ += bytes_of(*made); bytes_ > kMost && !order_.empty(); order_.pop()) {
        const auto oldest = known_.find(order_.front());
        bytes_ -= bytes_of(*oldest->second);
        known_.erase(oldest);
    }
    order_.push(key);
    return known_[std::move(key)] = std::move(made);
}

}  // namespace moesim::topologies
