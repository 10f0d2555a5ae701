#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "topologies/cluster_impl.hpp"

namespace moesim::topologies {
namespace {

constexpr int kUnreachable = Approach::kUnreachable;

/// The way from GPU to GPU within one fabric: hops, and the ports by which a shortest way may
/// begin.
struct Start {
    int hops = kUnreachable;
    std::vector<std::uint32_t> links;
    std::shared_ptr<const Approach> approach;
};

Start start(const Cluster::Impl& c, Leg leg, Vertex a, Vertex b) {
    Start out{kUnreachable, {}, c.approaches.to(c, b, leg)};
    for (const auto& e : boost::make_iterator_range(boost::out_edges(a, c.graph))) {
        const std::uint32_t link = c.graph[e].link;
        if (c.legs[link] != leg) continue;
        const Vertex into = c.links[link].to;
        const int beyond = into == b        ? 0
                           : c.is_gpu(into) ? kUnreachable
                                            : out.approach->hops_from(into) + 1;
        if (beyond + 1 > out.hops || beyond >= kUnreachable) continue;
        if (beyond + 1 < out.hops) out.links.clear();
        out.hops = beyond + 1;
        out.links.push_back(link);
    }
    return out;
}

/// How a gets to b: in one leg, or over NVLink to peers in a's node that have a way (PXN); all
/// peers of fewest hops take an equal part.
struct Plan {
    int hops = kUnreachable;
    Leg leg = Leg::scale_out;
    std::vector<Vertex> relays;
};

Plan relayed(const Cluster::Impl& c, int from, Vertex a, Vertex b) {
    Plan plan;
    const int per_node = static_cast<int>(c.gpus.size()) / c.node_count;
    const int first = from / per_node * per_node;
    for (int g = first; g < first + per_node; ++g) {
        const Vertex peer = c.vertex_of(g);
        if (g == from) continue;
        const int onward = start(c, Leg::scale_out, peer, b).hops;
        if (onward == kUnreachable) continue;
        const int hops = start(c, Leg::scale_up, a, peer).hops + onward;
        if (hops > plan.hops || hops >= kUnreachable) continue;
        if (hops < plan.hops) plan.relays.clear();
        plan.hops = hops;
        plan.relays.push_back(peer);
    }
    return plan;
}

/// Inside a node over NVLink, else over the scale-out fabric, else by PXN, as NCCL goes since 2.12:
/// over NVLink to the GPU on the destination's rail, and out by its NIC.
/// Source: NVIDIA technical blog, "Doubling all2all Performance with NCCL 2.12". Left out: that
/// NCCL prefers PXN also where spines join the rails.
Plan plan_route(const Cluster::Impl& c, int from, int to) {
    const Vertex a = c.vertex_of(from), b = c.vertex_of(to);
    Plan plan;
    if (c.node_of(from) == c.node_of(to))
        plan = {start(c, Leg::scale_up, a, b).hops, Leg::scale_up, {}};
    if (plan.hops == kUnreachable) plan = {start(c, Leg::scale_out, a, b).hops, Leg::scale_out, {}};
    if (plan.hops == kUnreachable) plan = relayed(c, from, a, b);
    if (plan.hops == kUnreachable)
        throw sim::InputError(
            fmt::format("{}: error: no route from {} to {}", c.name, c.labels[a], c.labels[b]));
    return plan;
}

/// Appends what each link carries of `whole` on one leg. Traffic splits equally over all cables
/// that lead one hop nearer.
void spread(const Cluster::Impl& c, Leg leg, Vertex a, Vertex b, double whole,
            std::vector<RouteShare>& shares) {
    std::map<Vertex, double> front, next;
    const auto split = [&](std::span<const std::uint32_t> links, double share) {
        double cables = 0;
        for (const auto link : links) cables += c.links[link].cables;
        for (const auto link : links) {
            shares.push_back({link, share * c.links[link].cables / cables});
            next[c.links[link].to] += shares.back().share;
        }
    };
    const Start from = start(c, leg, a, b);
    split(from.links, whole);
    std::vector<std::uint32_t> last;
    for (int hops = from.hops - 1; hops > 0; --hops) {
        front.swap(next);
        next.clear();
        for (const auto& [at, share] : front) {
            if (hops > 1) {
                split(from.approach->next_from(at), share);
                continue;
            }
            last.clear();
            for (const auto& e : boost::make_iterator_range(boost::in_edges(b, c.graph)))
                if (const auto link = c.graph[e].link;
                    c.links[link].from == at && c.legs[link] == leg)
                    last.push_back(link);
            split(last, share);
        }
    }
}

/// One entry per link, where it came first.
void merge(std::vector<RouteShare>& shares) {
    std::map<std::uint32_t, std::size_t> seen;
    std::vector<RouteShare> out;
    for (const RouteShare& s : shares) {
        const auto [at, is_new] = seen.try_emplace(s.link, out.size());
        if (is_new)
            out.push_back(s);
        else
            out[at->second].share += s.share;
    }
    shares.swap(out);
}

}  // namespace

std::vector<RouteShare> Cluster::route(int a, int b) const {
    std::vector<RouteShare> shares;
    if (a == b) return shares;
    const Plan plan = plan_route(*impl_, a, b);
    const Vertex from = impl_->vertex_of(a), to = impl_->vertex_of(b);
    if (plan.relays.empty()) {
        spread(*impl_, plan.leg, from, to, 1, shares);
        return shares;
    }
    const double part = 1.0 / static_cast<double>(plan.relays.size());
    for (const Vertex relay : plan.relays) {
        spread(*impl_, Leg::scale_up, from, relay, part, shares);
        spread(*impl_, Leg::scale_out, relay, to, part, shares);
    }
    if (plan.relays.size() > 1) merge(shares);
    return shares;
}

int Cluster::hops(int a, int b) const { return a == b ? 0 : plan_route(*impl_, a, b).hops; }

Seconds Cluster::latency(int a, int b) const {
    Seconds sum{0};
    for (const RouteShare& s : route(a, b)) sum += impl_->links[s.link].latency * s.share;
    return sum;
}

}  // namespace moesim::topologies
