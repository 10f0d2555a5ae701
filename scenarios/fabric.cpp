#include <fmt/format.h>

#include <algorithm>

#include "scenarios/builder.hpp"
#include "topologies/fabric_load.hpp"

namespace moesim::scenarios {

namespace {

constexpr std::size_t kWindow = 1024;  // GPUs of the groups around

/// At most kWindow GPUs' worth of the groups, those around the one that `gpu` may be in.
std::vector<int> around(std::vector<int> firsts, std::size_t members, int gpu) {
    const std::size_t most = std::max<std::size_t>(1, kWindow / members);
    if (firsts.size() <= most) return firsts;
    const auto at = static_cast<std::size_t>(std::upper_bound(firsts.begin(), firsts.end(), gpu) -
                                             firsts.begin());
    const std::size_t begin = std::min(at > most / 2 ? at - most / 2 : 0, firsts.size() - most);
    const auto first = firsts.begin() + static_cast<std::ptrdiff_t>(begin);
    return {first, first + static_cast<std::ptrdiff_t>(most)};
}

}  // namespace

/// Source: the graph of the cluster, see topologies/fabric_load.hpp. Equal bytes from everybody
/// decide which link is the narrowest; skew scales with the mean bytes only. Left out: what other
/// pipeline ranks send at that time, and what closes a ring longer than the window.
const Builder::Narrow& Builder::narrow(const Group& g, const Traffic& traffic) {
    // On equal hardware one search serves all groups.
    const int index = s.cluster.uniform() ? 0 : static_cast<int>(&g - groups.data());
    const auto [at, fresh] = narrow_.try_emplace({index, traffic});
    if (fresh) at->second = search(g, traffic);
    return at->second;
}

Builder::Narrow Builder::search(const Group& g, const Traffic& traffic) const {
    Narrow found;
    const int pipeline = g.rank * s.grid.stride(Axis::pipeline);
    const int gpu = g.lanes.front().gpu;
    std::vector<int> members = s.grid.members(traffic.axes), firsts = s.grid.groups(traffic.axes);
    const double all = static_cast<double>(members.size() * firsts.size());
    if (members.size() > kWindow) members.resize(kWindow);
    firsts = around(std::move(firsts), members.size(), gpu - pipeline);
    for (int& first : firsts) first += pipeline;
    const double seen = static_cast<double>(members.size() * firsts.size());
    std::vector<topologies::Flow> flows;
    for (const int first : firsts) {
        std::vector<int> group;
        for (const int member : members) group.push_back(first + member);
        if (traffic.ahead != 0) {
            const int step = traffic.ahead * s.grid.stride(Axis::pipeline);
            for (const int member : group) flows.push_back({member, member + step, 1e9});
        } else {
            const auto more = topologies::exchange_flows(s.cluster, group, 1e9, traffic.pattern);
            flows.insert(flows.end(), more.begin(), more.end());
        }
    }
    const topologies::FabricLoad load = topologies::fabric_load(s.cluster, flows);
    found.scale_up = load.find("nic") == nullptr;
    const topologies::ClassLoad* port = load.find(found.scale_up ? "nvlink" : "nic");
    if (port == nullptr || port->bytes <= 0) return found;
    found.relay_s = found.scale_up ? 0 : load.relayed_seconds / port->bytes;
    const topologies::ClassLoad* most = nullptr;
    for (const topologies::ClassLoad& c : load.classes)
        if (c.cls != "nic" && c.cls != "nvlink" && (!most || c.seconds > most->seconds)) most = &c;
    if (most == nullptr || most->seconds <= port->seconds * (1 + 1e-9)) return found;
    found.physical = static_cast<int>(most->link);
    found.per_byte = most->bytes / port->bytes;
    found.links = most->links * all / seen;
    return found;
}

sim::LinkId Builder::fabric_link(const Group& g, std::size_t lane, const Narrow& n) {
    const topologies::PhysicalLink& p = s.cluster.links()[static_cast<std::size_t>(n.physical)];
    const double rate = p.capacity.si() * (n.scale_up ? s.what_if.nvlink : s.what_if.nic);
    const auto [at, fresh] = fabric_links_.try_emplace({&g - groups.data(), lane, p.cls, rate}, 0u);
    // What a further lane sends is part of what the first one's link has been charged with.
    if (fresh)
        at->second =
            out.graph.add_link({fmt::format("{} {}->{}", p.cls, p.from, p.to), p.cls,
                                sim::BytesPerSecond{rate}, lane == 0 ? n.links / replicas_ : 0});
    return at->second;
}

/// A relay is a copy from GPU to GPU: at the rate of one, not at that of the collective's own
/// traffic inside the node.
double Builder::relayed(const Group& g, const Narrow& n, double port_bytes) const {
    const int port = s.cluster.nvlink_out(g.lanes.front().gpu);
    if (n.relay_s <= 0 || port < 0) return 0;
    const double nominal = s.cluster.links()[static_cast<std::size_t>(port)].capacity.si();
    topologies::TransferQuery query;
    query.collective = "p2p";
    query.ranks = 2;
    query.bytes = query.nvlink_bytes = n.relay_s * port_bytes * nominal;
    return n.relay_s * port_bytes / s.profile.transfer(query).nvlink_share / s.what_if.nvlink;
}

double Builder::beyond_ports(std::vector<sim::Demand>& demands, const Group& g, std::size_t lane,
                             const Traffic& traffic, double nic_bytes, double nvlink_bytes,
                             const topologies::TransferCost& cost) {
    if (nic_bytes <= 0 && nvlink_bytes <= 0) return 0;
    const Narrow& n = narrow(g, traffic);
    const double port_bytes = n.scale_up ? nvlink_bytes : nic_bytes;
    if (port_bytes <= 0) return 0;
    if (n.physical >= 0) {
        const sim::LinkId link = fabric_link(g, lane, n);
        const double bytes = n.per_byte * port_bytes;
        const double rate =
            out.graph.links[link].capacity.si() * (n.scale_up ? cost.nvlink_share : cost.nic_share);
        demands.push_back({out.graph.add_path({link}), bytes, bytes / rate * cost.slowdown});
    }
    return relayed(g, n, port_bytes) * cost.slowdown;
}

}  // namespace moesim::scenarios
