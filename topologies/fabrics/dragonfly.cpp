#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "topologies/fabric.hpp"
#include "topologies/fabrics/parts.hpp"

namespace moesim::topologies {
namespace {

/// A dragonfly: groups of switches, all-to-all inside a group, and groups all-to-all.
///
///   group 0                          group 1
///   switch-0.0 --- switch-0.1  ====  switch-1.0 --- switch-1.1     local ---, global ===
///     | |            | |               | |            | |          nic
///     g0 g2          g1 g3             g4 g6          g5 g7        nvlink inside a node: g0 g1
///
/// Every two groups have `links_per_pair` global cables, which go round the switches of both;
/// ports that are left when that is not given join neighbouring groups once more. A node stays in
/// one group; its NICs go to neighbouring switches. g0 -> g7, minimal: nic, local, global, local,
/// nic: up to 5 hops. Keys: those of the nodes, hop, global_hop (hop), groups, switches_per_group,
/// endpoints_per_switch, links_per_pair (as many as global_ports, of one switch, allow), local
/// (rate, nic), global (rate, nic). Source: Kim et al., ISCA 2008. Left out: non-minimal (Valiant,
/// adaptive) routes.
class Dragonfly final : public Fabric {
public:
    explicit Dragonfly(sim::Table& in)
        : nodes_{read_count(in, "nodes", 1, kMostGpus)},
          gpus_per_node_{read_count(in, "gpus_per_node", 1, kMostPorts)},
          nvlink_{read_cable(in, "nvlink", "nvlink_hop")},
          nic_{read_cable(in, "nic", "nic_hop")},
          groups_{read_count(in, "groups", 1, 1 << 16)},
          switches_{read_count(in, "switches_per_group", 1, 1024)},
          endpoints_{read_count(in, "endpoints_per_switch", 1, kMostPorts)} {
        local_ = {in.rate("local", nic_.rate), in.time("hop")};
        global_ = {in.rate("global", nic_.rate), in.time("global_hop", local_.hop)};
        if (!(local_.rate.si() > 0)) in.fail("local", "must be more than zero");
        if (!(global_.rate.si() > 0)) in.fail("global", "must be more than zero");
        if (local_.hop.si() < 0) in.fail("hop", "must not be negative");
        if (global_.hop.si() < 0) in.fail("global_hop", "must not be negative");
        const int ports = read_count(in, "global_ports", 1, kMostPorts);
        const std::int64_t most = groups_ > 1 ? std::int64_t{switches_} * ports / (groups_ - 1) : 1;
        if (most == 0)
            in.fail("groups", fmt::format("{} groups, but one has only {} global ports", groups_,
                                          std::int64_t{switches_} * ports));
        const auto fits = static_cast<int>(std::min<std::int64_t>(most, kMostPorts));
        pair_ = read_count(in, "links_per_pair", 1, fits, fits);
        if (!in.has("links_per_pair") && groups_ > 2)
            rings_ = std::min((switches_ * ports - pair_ * (groups_ - 1)) / 2, (groups_ - 1) / 2);
        per_group_ = static_cast<int>(std::min<std::int64_t>(
            std::int64_t{switches_} * endpoints_ / gpus_per_node_, kMostGpus));
        if (per_group_ == 0)
            in.fail("gpus_per_node", fmt::format("a group has only {} endpoints",
                                                 std::int64_t{switches_} * endpoints_));
        if (nodes_ > kMostGpus / gpus_per_node_)
            in.fail("nodes", fmt::format("more than {} GPUs", kMostGpus));
        if (std::int64_t{per_group_} * groups_ < nodes_)
            in.fail("nodes", fmt::format("{} nodes, but {} groups hold {}", nodes_, groups_,
                                         std::int64_t{per_group_} * groups_));
        if (std::int64_t{groups_} * switches_ > (1 << 20))
            in.fail("groups", "more than a million switches");
    }

    void build(Cluster::Builder& cluster) const override {
        std::vector<std::vector<Vertex>> gpus;
        for (int n = 0; n < nodes_; ++n)
            gpus.push_back(add_node(cluster, n, gpus_per_node_, nvlink_));
        std::vector<Vertex> switches;
        for (int g = 0; g < groups_; ++g) {
            for (int s = 0; s < switches_; ++s) {
                switches.push_back(cluster.add_switch(fmt::format("switch-{}.{}", g, s)));
                for (int t = 0; t < s; ++t)
                    cluster.connect(switches[index(g, t)], switches.back(), "local", local_);
            }
        }
        for (int n = 0; n < nodes_; ++n)
            for (int i = 0; i < gpus_per_node_; ++i) {
                const int at = n % per_group_ * gpus_per_node_ + i;
                cluster.connect(gpus[static_cast<std::size_t>(n)][static_cast<std::size_t>(i)],
                                switches[index(n / per_group_, at % switches_)], "nic", nic_);
            }
        add_global(cluster, switches);
    }

private:
    [[nodiscard]] std::size_t index(int group, int at) const {
        return static_cast<std::size_t>(group) * static_cast<std::size_t>(switches_) +
               static_cast<std::size_t>(at);
    }

    /// The k-th cable of group g to the group d places on uses port d' = ((d - 1) pair + k) of g.
    void add_global(Cluster::Builder& cluster, const std::vector<Vertex>& switches) const {
        const auto port = [&](int from, int to, int k) {
            const std::int64_t d = (to - from + groups_) % groups_ - 1;
            return static_cast<int>((d * pair_ + k) % switches_);
        };
        for (int g = 0; g < groups_; ++g)
            for (int other = g + 1; other < groups_; ++other) {
                std::map<std::pair<int, int>, int> cables;
                for (int k = 0; k < pair_; ++k) ++cables[{port(g, other, k), port(other, g, k)}];
                for (const auto& [ends, count] : cables)
                    cluster.connect(switches[index(g, ends.first)],
                                    switches[index(other, ends.second)], "global",
                                    {global_.rate, global_.hop, count});
            }
        for (int r = 0; r < rings_; ++r)  // ports that are left: on to the groups next by
            for (int g = 0; g < groups_; ++g) {
                const int spare = pair_ * (groups_ - 1) + 2 * r;
                cluster.connect(switches[index(g, spare % switches_)],
                                switches[index((g + r + 1) % groups_, (spare + 1) % switches_)],
                                "global", global_);
            }
    }

    int nodes_, gpus_per_node_;
    Cable nvlink_, nic_, local_, global_;
    int groups_, switches_, endpoints_, pair_ = 1, rings_ = 0, per_group_ = 1;
};

const sim::Register<Fabric, Dragonfly, sim::Table&> entry{
    "dragonfly", "groups of switches, all-to-all inside a group and between groups"};

}  // namespace
}  // namespace moesim::topologies
