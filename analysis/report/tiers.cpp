#include "analysis/report/tiers.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <queue>
#include <tuple>
#include <unordered_set>

namespace moesim::analysis {

using topologies::Cluster;
using topologies::Place;

namespace {

std::string tier_name(const Cluster& cluster, std::uint32_t vertex) {
    switch (cluster.place(vertex)) {
        case Place::gpu:
            return "GPU";
        case Place::nic:
            return "NIC";
        case Place::nvswitch:
            return "NVSwitch";
        case Place::router:
            return "router";
        case Place::switch_:
            break;
    }
    const std::string& label = cluster.label(vertex);
    return label.substr(0, label.find('-'));
}

/// Steps from the GPUs, of tiers that only GPUs of one domain reach less than nothing.
std::map<std::string, int> distances(const std::map<std::string, std::vector<std::string>>& next) {
    std::map<std::string, int> out{{"GPU", 0}};
    std::queue<std::string> open{{"GPU"}};
    while (!open.empty()) {
        const std::string here = open.front();
        open.pop();
        const auto at = next.find(here);
        if (at == next.end()) continue;
        for (const std::string& there : at->second) {
            const bool scale_up = there == "NVSwitch" || there == "router";
            if (out.emplace(there, scale_up ? -1 : std::abs(out[here]) + 1).second)
                open.push(there);
        }
    }
    return out;
}

}  // namespace

Tiers tiers_of(const Cluster& cluster) {
    std::map<std::string, std::unordered_set<std::uint32_t>> members;
    std::map<std::string, std::vector<std::string>> next;
    struct Sum {
        double cables = 0, capacity = 0, latency = 0;
    };
    std::map<std::tuple<std::string, std::string, std::string>, Sum> sums;
    for (const topologies::PhysicalLink& link : cluster.links()) {
        const std::string from = tier_name(cluster, link.from), to = tier_name(cluster, link.to);
        members[from].insert(link.from);
        members[to].insert(link.to);
        if (link.cables == 0) continue;
        if (auto& known = next[from]; std::find(known.begin(), known.end(), to) == known.end())
            known.push_back(to);
        Sum& sum = sums[{std::min(from, to), std::max(from, to), link.cls}];
        const double each = link.capacity.si() / link.cables;
        sum.capacity = sum.cables > 0 ? std::min(sum.capacity, each) : each;
        sum.latency = sum.cables > 0 ? std::min(sum.latency, link.latency.si()) : link.latency.si();
        sum.cables += link.cables / 2.0;  // both directions are links
    }
    const std::map<std::string, int> distance = distances(next);
    Tiers out;
    for (const auto& [name, vertices] : members)
        out.tiers.push_back({name, static_cast<double>(vertices.size())});
    const auto rank = [&](const Tier& t) {
        const auto at = distance.find(t.name);
        return at == distance.end() ? 99 : at->second;
    };
    std::stable_sort(out.tiers.begin(), out.tiers.end(),
                     [&](const Tier& a, const Tier& b) { return rank(a) < rank(b); });
    const auto index = [&](const std::string& name) {
        return static_cast<std::size_t>(
            std::find_if(out.tiers.begin(), out.tiers.end(),
                         [&](const Tier& t) { return t.name == name; }) -
            out.tiers.begin());
    };
    for (const auto& [key, sum] : sums) {
        const auto& [a, b, cls] = key;
        const std::size_t i = index(a), j = index(b);
        out.edges.push_back(
            {std::min(i, j), std::max(i, j), cls, sum.cables, sum.capacity, sum.latency});
    }
    std::stable_sort(out.edges.begin(), out.edges.end(), [](const TierEdge& a, const TierEdge& b) {
        return std::pair{a.from, a.to} < std::pair{b.from, b.to};
    });
    return out;
}

}  // namespace moesim::analysis
