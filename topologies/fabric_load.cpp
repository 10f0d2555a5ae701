#include "topologies/fabric_load.hpp"

#include <algorithm>
#include <map>

namespace moesim::topologies {
namespace {

bool is_port(const std::string& cls) { return cls == "nvlink" || cls == "nic"; }

/// The member of `group` in the node of `to` with the number of `from` in its own, -1 when none.
int relay(const Cluster& c, std::span<const int> group, int from, int to) {
    const int want = c.node_of(to) * c.gpus_per_node() + from % c.gpus_per_node();
    return std::find(group.begin(), group.end(), want) == group.end() ? -1 : want;
}

/// Members per node when each of several nodes holds equally many in a row, else 1.
std::size_t next_node(const Cluster& c, std::span<const int> group) {
    std::size_t first = 0;
    while (first < group.size() && c.node_of(group[first]) == c.node_of(group[0])) ++first;
    if (first == group.size() || group.size() % first != 0) return 1;
    for (std::size_t i = 0; i < group.size(); ++i)
        if (c.node_of(group[i]) != c.node_of(group[i / first * first])) return 1;
    return first;
}

}  // namespace

double FabricLoad::inner_seconds() const {
    double most = 0;
    for (const ClassLoad& c : classes)
        if (!is_port(c.cls)) most = std::max(most, c.seconds);
    return most;
}

double FabricLoad::port_seconds() const {
    double most = 0;
    for (const ClassLoad& c : classes)
        if (is_port(c.cls)) most = std::max(most, c.seconds);
    return most;
}

double FabricLoad::slowdown() const {
    const double ports = port_seconds();
    return ports > 0 ? std::max(1.0, inner_seconds() / ports) : 1;
}

const ClassLoad* FabricLoad::find(const std::string& cls) const {
    for (const ClassLoad& c : classes)
        if (c.cls == cls) return &c;
    return nullptr;
}

std::vector<Flow> exchange_flows(const Cluster& cluster, std::span<const int> group, double bytes,
                                 Pattern pattern) {
    std::vector<Flow> flows;
    const std::size_t members = group.size();
    if (members < 2) return flows;
    if (pattern == Pattern::ring) {
        const std::size_t step = next_node(cluster, group);
        for (std::size_t s = 0; s < members; ++s)
            flows.push_back({group[s], group[(s + step) % members], bytes});
        return flows;
    }
    const double each = bytes / static_cast<double>(members - 1);
    for (std::size_t s = 0; s < members; ++s) {
        for (std::size_t d = 0; d < members; ++d) {
            if (s == d) continue;
            const int from = group[s], to = group[d];
            const int over =
                pattern == Pattern::direct || cluster.node_of(from) == cluster.node_of(to)
                    ? -1
                    : relay(cluster, group, from, to);
            if (over < 0 || over == to) {
                flows.push_back({from, to, each});
            } else {
                flows.push_back({from, over, each});
                flows.push_back({over, to, each});
            }
        }
    }
    return flows;
}

FabricLoad fabric_load(const Cluster& cluster, std::span<const Flow> flows) {
    FabricLoad out;
    std::vector<Flow> inside, across;
    for (const Flow& flow : flows)
        (cluster.node_of(flow.from) == cluster.node_of(flow.to) ? inside : across).push_back(flow);
    std::map<std::uint32_t, double> bytes;
    for (const LinkLoad& load : cluster.loads(inside)) bytes[load.link] += load.bytes;
    for (const LinkLoad& load : cluster.loads(across)) {
        bytes[load.link] += load.bytes;
        const PhysicalLink& link = cluster.links()[load.link];
        if (link.cls == "nvlink")
            out.relayed_seconds = std::max(out.relayed_seconds, load.bytes / link.capacity.si());
    }
    std::map<std::string, ClassLoad> classes;
    for (const auto& [id, amount] : bytes) {
        const LinkLoad load{id, amount};
        const PhysicalLink& link = cluster.links()[load.link];
        const double seconds = load.bytes / link.capacity.si();
        auto [at, fresh] = classes.try_emplace(
            link.cls, ClassLoad{link.cls, load.link, load.bytes, seconds, 0, 0});
        if (!fresh && seconds > at->second.seconds) {
            at->second.link = load.link;
            at->second.bytes = load.bytes;
            at->second.seconds = seconds;
        }
        at->second.total_bytes += load.bytes;
        ++at->second.links;
    }
    for (auto& [cls, load] : classes) out.classes.push_back(std::move(load));
    return out;
}

}  // namespace moesim::topologies
