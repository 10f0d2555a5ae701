#include "topologies/approach.hpp"

#include <algorithm>
#include <boost/graph/breadth_first_search.hpp>
#include <boost/graph/filtered_graph.hpp>
#include <boost/graph/reverse_graph.hpp>
#include <boost/pending/queue.hpp>
#include <unordered_map>

#include "topologies/cluster_impl.hpp"

namespace moesim::topologies {
namespace {

/// Links of one leg between vertices that forward.
struct Forwards {
    const Cluster::Impl* cluster = nullptr;
    Leg leg = Leg::scale_out;

    bool operator()(const Graph::edge_descriptor& e) const {
        const std::uint32_t link = cluster->graph[e].link;
        const PhysicalLink& l = cluster->links[link];
        return cluster->legs[link] == leg && !cluster->is_gpu(l.from) && !cluster->is_gpu(l.to);
    }
};
using Core = boost::filtered_graph<Graph, Forwards>;
using Hops = std::unordered_map<Vertex, std::uint16_t>;

/// Breadth-first, against the links, from all hubs at once. Maps instead of vectors, since a search
/// inside a node reaches one vertex of a hundred thousand.
Hops search(const Core& core, const std::vector<Vertex>& hubs) {
    Hops hops;
    for (const Vertex hub : hubs) hops[hub] = 0;
    std::unordered_map<Vertex, boost::default_color_type> colours;  // white when first asked for
    boost::queue<Vertex> pending;
    boost::breadth_first_visit(boost::make_reverse_graph(core), hubs.begin(), hubs.end(), pending,
                               boost::make_bfs_visitor(boost::record_distances(
                                   boost::make_assoc_property_map(hops), boost::on_tree_edge{})),
                               boost::make_assoc_property_map(colours));
    return hops;
}

Approach approach(const Core& core, const std::vector<Vertex>& hubs) {
    Approach out;
    if (hubs.empty()) return out;
    const Hops hops = search(core, hubs);
    const auto less = [](const auto& x, const auto& y) { return x.first < y.first; };
    const auto [least, most] = std::minmax_element(hops.begin(), hops.end(), less);
    out.first = least->first;
    out.hops.assign(most->first - least->first + 1, Approach::kUnreachable);
    for (const auto& [v, h] : hops) out.hops[v - out.first] = h;

    for (Vertex v = out.first; v <= most->first; ++v) {
        out.begin.push_back(static_cast<std::uint32_t>(out.next.size()));
        if (const int h = out.hops_from(v); h != Approach::kUnreachable && h != 0)
            for (const auto& e : boost::make_iterator_range(boost::out_edges(v, core)))
                if (out.hops_from(boost::target(e, core)) + 1 == h)
                    out.next.push_back(core[e].link);
    }
    out.begin.push_back(static_cast<std::uint32_t>(out.next.size()));
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
    return sizeof(Approach) + a.hops.size() * sizeof(std::uint16_t) +
           (a.begin.size() + a.next.size()) * sizeof(std::uint32_t);
}

}  // namespace

std::shared_ptr<const Approach> Approaches::to(const Cluster::Impl& cluster, Vertex gpu, Leg leg) {
    Key key{leg, hubs_of(cluster, gpu, leg)};
    if (const auto found = known_.find(key); found != known_.end()) return found->second;

    const Core core{cluster.graph, Forwards{&cluster, leg}};
    auto made = std::make_shared<const Approach>(approach(core, key.second));
    for (bytes_ += bytes_of(*made); bytes_ > kMost && !order_.empty(); order_.pop()) {
        const auto oldest = known_.find(order_.front());
        bytes_ -= bytes_of(*oldest->second);
        known_.erase(oldest);
    }
    order_.push(key);
    return known_[std::move(key)] = std::move(made);
}

}  // namespace moesim::topologies
