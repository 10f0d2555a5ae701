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

/// One way of a route: legs one after another, at GPUs in between another GPU relays.
struct Way {
    struct Part {
        Leg leg;
        Vertex from, to;
    };
    std::vector<Part> parts;
};

/// How a gets to b; all ways are equally long and take an equal part.
struct Plan {
    int hops = kUnreachable;
    std::vector<Way> ways;
};

/// 1 where the first step of a GPU on this leg leads to its own router or NIC, else 0.
int on_chip(const Cluster::Impl& c, Leg leg, Vertex gpu) {
    for (const auto& e : boost::make_iterator_range(boost::out_edges(gpu, c.graph)))
        if (const std::uint32_t link = c.graph[e].link; c.legs[link] == leg)
            return c.on_chip(c.links[link].to) ? 1 : 0;
    return 0;
}

/// Hops of one leg, without those between a GPU and its own router or NIC.
int hops_of(const Cluster::Impl& c, Leg leg, Vertex a, Vertex b) {
    if (a == b) return 0;
    const int hops = start(c, leg, a, b).hops;
    return hops == kUnreachable ? hops : hops - on_chip(c, leg, a) - on_chip(c, leg, b);
}

/// Adds a -up-> p -out-> q -up-> b to a plan when it is as short as what is there.
void offer(const Cluster::Impl& c, Plan& plan, Vertex a, Vertex p, Vertex q, Vertex b) {
    const int there = hops_of(c, Leg::scale_out, p, q);
    if (there >= kUnreachable) return;
    const int before = hops_of(c, Leg::scale_up, a, p), after = hops_of(c, Leg::scale_up, q, b);
    const int hops = before + there + after;
    if (hops > plan.hops || before >= kUnreachable || after >= kUnreachable) return;
    if (hops < plan.hops) plan.ways.clear();
    plan.hops = hops;
    Way way;
    if (a != p) way.parts.push_back({Leg::scale_up, a, p});
    way.parts.push_back({Leg::scale_out, p, q});
    if (q != b) way.parts.push_back({Leg::scale_up, q, b});
    plan.ways.push_back(std::move(way));
}

/// The GPU by whose NIC a GPU is reached: itself, or the peer that stands in for a failed one.
Vertex by_nic(const Cluster::Impl& c, int gpu) {
    const int port = c.ports[static_cast<std::size_t>(gpu)].nic_out;
    return port < 0 ? c.vertex_of(gpu) : c.links[static_cast<std::size_t>(port)].from;
}

/// By a NIC that stands in for a failed one; else by peers of the sender that have a way; else by
/// any peers of both.
Plan relayed(const Cluster::Impl& c, int from, int to) {
    Plan plan;
    const Vertex a = c.vertex_of(from), b = c.vertex_of(to);
    offer(c, plan, a, by_nic(c, from), by_nic(c, to), b);
    if (plan.hops < kUnreachable) return plan;
    const int per_node = static_cast<int>(c.gpus.size()) / c.node_count;
    const int first = from / per_node * per_node, there = to / per_node * per_node;
    for (int g = first; g < first + per_node; ++g)
        if (g != from) offer(c, plan, a, c.vertex_of(g), b, b);
    if (plan.hops < kUnreachable) return plan;
    for (int g = first; g < first + per_node; ++g)
        for (int h = there; h < there + per_node; ++h)
            offer(c, plan, a, c.vertex_of(g), c.vertex_of(h), b);
    return plan;
}

/// Inside a node over NVLink, else over the scale-out fabric, else by PXN, as NCCL goes since 2.12:
/// over NVLink to the GPU on the destination's rail, and out by its NIC.
/// Source: NVIDIA technical blog, "Doubling all2all Performance with NCCL 2.12". Left out: that
/// NCCL prefers PXN also where spines join the rails.
Plan plan_route(const Cluster::Impl& c, int from, int to) {
    const Vertex a = c.vertex_of(from), b = c.vertex_of(to);
    for (const Leg leg : {Leg::scale_up, Leg::scale_out}) {
        if (leg == Leg::scale_up && c.node_of(from) != c.node_of(to)) continue;
        if (const int hops = hops_of(c, leg, a, b); hops < kUnreachable)
            return {hops, {Way{{{leg, a, b}}}}};
    }
    Plan plan = relayed(c, from, to);
    if (plan.hops == kUnreachable)
        throw sim::InputError(
            fmt::format("{}: error: no route from {} to {}", c.name, c.labels[a], c.labels[b]));
    return plan;
}

/// The links from `at` to `b`, which it is one step before.
std::vector<std::uint32_t> last_links(const Cluster::Impl& c, Leg leg, Vertex at, Vertex b) {
    std::vector<std::uint32_t> last;
    for (const auto& e : boost::make_iterator_range(boost::in_edges(b, c.graph)))
        if (const auto link = c.graph[e].link; c.links[link].from == at && c.legs[link] == leg)
            last.push_back(link);
    return last;
}

/// Hands `emit(link, amount)` what each link carries of what the sources send to b on one leg, the
/// farthest links first. Traffic splits equally over all cables that lead one hop nearer.
template <class Emit>
void spread(const Cluster::Impl& c, Leg leg, const std::vector<std::pair<Vertex, double>>& sources,
            Vertex b, const Emit& emit) {
    std::vector<std::map<Vertex, double>> at;  // [hops to b] what stands where
    const auto split = [&](std::span<const std::uint32_t> links, double amount, int hops) {
        double cables = 0;
        for (const auto link : links) cables += c.links[link].cables;
        for (const auto link : links) {
            const double part = amount * c.links[link].cables / cables;
            emit(link, part);
            if (hops > 0) at[static_cast<std::size_t>(hops)][c.links[link].to] += part;
        }
    };
    std::vector<std::pair<Start, double>> starts;
    for (const auto& [a, amount] : sources) starts.emplace_back(start(c, leg, a, b), amount);
    std::stable_sort(starts.begin(), starts.end(),
                     [](const auto& x, const auto& y) { return x.first.hops > y.first.hops; });
    if (starts.empty()) return;
    at.resize(static_cast<std::size_t>(starts.front().first.hops) + 1);
    const Approach& approach = *starts.front().first.approach;
    auto next = starts.begin();
    for (int hops = starts.front().first.hops; hops > 0; --hops) {
        for (; next != starts.end() && next->first.hops == hops; ++next)
            split(next->first.links, next->second, hops - 1);
        for (const auto& [v, amount] : at[static_cast<std::size_t>(hops)])
            if (hops > 1)
                split(approach.next_from(v), amount, hops - 1);
            else
                split(last_links(c, leg, v, b), amount, 0);
    }
}

std::uint64_t mixed(std::uint64_t x) {  // the finaliser of splitmix64
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/// The same for one flow that takes one way, drawn at every switch by a hash of its ends.
template <class Emit>
void walk(const Cluster::Impl& c, const Way::Part& part, double amount, int path,
          const Emit& emit) {
    const Start from = start(c, part.leg, part.from, part.to);
    std::uint64_t hash = mixed(c.ecmp_seed + 0x9e3779b97f4a7c15u);
    for (const std::uint64_t x :
         {std::uint64_t{part.from}, std::uint64_t{part.to}, static_cast<std::uint64_t>(path)})
        hash = mixed(hash ^ (x + 0x9e3779b97f4a7c15u));
    Vertex at = part.from;
    std::span<const std::uint32_t> links = from.links;
    std::vector<std::uint32_t> last;
    for (int hops = from.hops; hops > 0; --hops) {
        if (at != part.from) {
            if (hops > 1) {
                links = from.approach->next_from(at);
            } else {
                last = last_links(c, part.leg, at, part.to);
                links = last;
            }
        }
        int cables = 0;
        for (const auto link : links) cables += c.links[link].cables;
        auto drawn = static_cast<int>(mixed(hash ^ at) % static_cast<std::uint64_t>(cables));
        auto link = links.begin();
        for (; drawn >= c.links[*link].cables; ++link) drawn -= c.links[*link].cables;
        emit(*link, amount);
        at = c.links[*link].to;
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
    const double part = 1.0 / static_cast<double>(plan.ways.size());
    const auto emit = [&](std::uint32_t link, double share) { shares.push_back({link, share}); };
    for (const Way& way : plan.ways)
        for (const Way::Part& p : way.parts) {
            if (impl_->ecmp == Ecmp::spread) spread(*impl_, p.leg, {{p.from, part}}, p.to, emit);
            for (int i = 0; impl_->ecmp == Ecmp::hash && i < impl_->ecmp_paths; ++i)
                walk(*impl_, p, part / impl_->ecmp_paths, i, emit);
        }
    if (plan.ways.size() > 1 || impl_->ecmp == Ecmp::hash) merge(shares);
    return shares;
}

std::vector<LinkLoad> loads_of(const Cluster::Impl& c, std::span<const Flow> flows, Ecmp ecmp) {
    std::map<std::uint32_t, double> bytes;
    const auto emit = [&](std::uint32_t link, double amount) { bytes[link] += amount; };
    std::map<std::pair<Leg, Vertex>, std::map<Vertex, double>> senders;
    for (const Flow& flow : flows) {
        if (flow.from == flow.to || flow.bytes <= 0) continue;
        const Plan plan = plan_route(c, flow.from, flow.to);
        const double part = flow.bytes / static_cast<double>(plan.ways.size());
        for (const Way& way : plan.ways)
            for (const Way::Part& p : way.parts) {
                if (ecmp == Ecmp::spread) senders[{p.leg, p.to}][p.from] += part;
                for (int i = 0; ecmp == Ecmp::hash && i < c.ecmp_paths; ++i)
                    walk(c, p, part / c.ecmp_paths, i, emit);
            }
    }
    for (const auto& [to, from] : senders)
        spread(c, to.first, {from.begin(), from.end()}, to.second, emit);
    std::vector<LinkLoad> out;
    for (const auto& [link, amount] : bytes) out.push_back({link, amount});
    return out;
}

std::vector<LinkLoad> Cluster::loads(std::span<const Flow> flows) const {
    return loads_of(*impl_, flows, impl_->ecmp);
}

int Cluster::hops(int a, int b) const { return a == b ? 0 : plan_route(*impl_, a, b).hops; }

namespace {

/// Mean of the latencies over the tied paths of one leg.
double seconds_of(const Cluster::Impl& c, const Way::Part& part) {
    const auto mean = [&](std::span<const std::uint32_t> links, const auto& of) {
        double sum = 0, cables = 0;
        for (const auto link : links) {
            sum += c.links[link].cables * of(c.links[link]);
            cables += c.links[link].cables;
        }
        return cables > 0 ? sum / cables : 0;
    };
    const Start from = start(c, part.leg, part.from, part.to);
    std::vector<std::uint32_t> last;
    if (from.hops > 1)
        for (const auto& e : boost::make_iterator_range(boost::in_edges(part.to, c.graph)))
            if (const auto link = c.graph[e].link;
                c.legs[link] == part.leg && !c.is_gpu(c.links[link].from))
                last.push_back(link);
    return mean(from.links,
                [&](const PhysicalLink& l) {
                    const double beyond =
                        from.hops > 1 ? from.approach->seconds[l.to - from.approach->first] : 0;
                    return l.latency.si() + beyond;
                }) +
           mean(last, [](const PhysicalLink& l) { return l.latency.si(); });
}

}  // namespace

Seconds Cluster::latency(int a, int b) const {
    if (a == b) return Seconds{0};
    const Plan plan = plan_route(*impl_, a, b);
    double sum = 0;
    for (const Way& way : plan.ways)
        for (const Way::Part& part : way.parts) sum += seconds_of(*impl_, part);
    return Seconds{sum / static_cast<double>(plan.ways.size())};
}

}  // namespace moesim::topologies
