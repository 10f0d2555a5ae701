#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "sim/paths.hpp"
#include "topologies/cluster_impl.hpp"
#include "topologies/faults.hpp"

namespace moesim::topologies {
namespace {

int node_number(sim::Table& in, std::string_view key, int least) {
    const std::int64_t value = in.count(key, least);
    if (value > std::numeric_limits<int>::max()) in.fail(key, "no such node");
    return static_cast<int>(value);
}

BytesPerSecond rate_or_none(sim::Table& in, std::string_view key) {
    if (!in.has(key)) {
        in.ignore(key);
        return BytesPerSecond{0};
    }
    const BytesPerSecond rate = in.rate(key);
    if (!(rate.si() > 0)) in.fail(key, "must be more than zero");
    return rate;
}

}  // namespace

std::vector<MixedNodes> read_mixed(sim::Table& in) {
    std::vector<MixedNodes> out;
    if (!in.has("other_nodes")) {
        in.ignore("other_nodes");
        return out;
    }
    for (sim::Table& t : in.tables("other_nodes")) {
        const int first = node_number(t, "first", 0);
        const int last = node_number(t, "last", 0);
        if (last < first) t.fail("last", fmt::format("{} comes before {}", last, first));
        for (const MixedNodes& other : out)
            if (first <= other.last && other.first <= last)
                t.fail("first",
                       fmt::format("nodes {} to {} are described twice",
                                   std::max(first, other.first), std::min(last, other.last)));
        const auto device = sim::find_data(t, "device", "topologies/devices");
        out.push_back({t, first, last, load_device(device.string()), rate_or_none(t, "nvlink"),
                       rate_or_none(t, "nic")});
    }
    return out;
}

void mix(Cluster::Impl& c, const std::vector<MixedNodes>& nodes) {
    for (const MixedNodes& m : nodes) {
        if (m.last >= c.node_count)
            m.at.fail("last", fmt::format("node {} of a cluster of {}", m.last, c.node_count),
                      "nodes are counted from 0");
        c.devices.push_back(m.device);
        const auto device = static_cast<int>(c.devices.size() - 1);
        for (std::size_t g = 0; g < c.gpus.size(); ++g)
            if (const int node = c.nodes[c.gpus[g]]; node >= m.first && node <= m.last)
                c.device_of[g] = device;
        for (PhysicalLink& l : c.links) {
            const Vertex gpu = c.is_gpu(l.from) ? l.from : l.to;
            if (!c.is_gpu(gpu) || c.nodes[gpu] < m.first || c.nodes[gpu] > m.last) continue;
            const BytesPerSecond rate = l.cls == "nvlink" ? m.nvlink : m.nic;
            if (rate.si() > 0) l.capacity = rate;
        }
    }
    // The device of most GPUs comes first: it is the cluster's.
    std::map<int, int> count;
    for (const int d : c.device_of) ++count[d];
    const auto most =
        std::max_element(count.begin(), count.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    if (count.empty() || most->first == 0) return;
    std::swap(c.devices[0], c.devices[static_cast<std::size_t>(most->first)]);
    for (int& d : c.device_of) d = d == 0 ? most->first : d == most->first ? 0 : d;
}

void read_ecmp(sim::Table& in, Cluster::Impl& c) {
    c.ecmp = in.choice("ecmp", {"spread", "hash"}, "spread") == "hash" ? Ecmp::hash : Ecmp::spread;
    if (c.ecmp == Ecmp::hash) {
        c.ecmp_seed = static_cast<std::uint64_t>(in.count("ecmp_seed", 0, 0));
        const std::int64_t paths = in.count("ecmp_paths", 1, 1);
        if (paths > 1024) in.fail("ecmp_paths", fmt::format("{} is more than 1024", paths));
        c.ecmp_paths = static_cast<int>(paths);
        return;
    }
    for (const char* key : {"ecmp_seed", "ecmp_paths"})
        if (in.has(key)) in.fail(key, "only for ecmp = \"hash\"");
}

void read_given(sim::Table& in, Cluster::Impl& c) {
    const auto number = [&](const char* key, double& to) {
        if (in.has(key))
            to = in.number(key, 0, 1e15);
        else
            in.ignore(key);
    };
    number("network_usd", c.given.network_usd);
    number("usd_per_endpoint", c.given.usd_per_endpoint);
    number("network_power_w", c.given.power_w);
}

}  // namespace moesim::topologies
