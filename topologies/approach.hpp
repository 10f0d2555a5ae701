#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <queue>
#include <span>
#include <utility>
#include <vector>

#include "topologies/cluster_builder.hpp"

namespace moesim::topologies {

/// A route's leg stays in one fabric: links of class "nvlink", or all the others.
enum class Leg : std::uint8_t { scale_up, scale_out };

/// The shortest ways of every switch and NIC to the last switches (hubs) before some GPU. GPUs do
/// not forward, so none is on the way.
struct Approach {
    static constexpr int kUnreachable = 0xffff;

    Vertex first = 0;                        // vertices are counted from here
    std::vector<std::uint16_t> hops;         // [vertex - first] to the nearest hub
    std::vector<std::uint32_t> begin, next;  // [vertex - first + 1], links that lead one hop nearer
    std::vector<double> seconds;             // [vertex - first] to the hubs, mean over tied ways

    [[nodiscard]] int hops_from(Vertex v) const {
        return v < first || v - first >= hops.size() ? kUnreachable : int{hops[v - first]};
    }
    [[nodiscard]] std::span<const std::uint32_t> next_from(Vertex v) const {
        return std::span{next}.subspan(begin[v - first], begin[v - first + 1] - begin[v - first]);
    }
};

/// The approaches asked for so far. GPUs behind the same hubs share one, so there are as many as
/// leaves and nodes; the oldest go once they fill kMost bytes. For one thread at a time.
class Approaches {
public:
    static constexpr std::size_t kMost = std::size_t{64} << 20;

    std::shared_ptr<const Approach> to(const Cluster::Impl& cluster, Vertex gpu, Leg leg);

private:
    using Key = std::pair<Leg, std::vector<Vertex>>;
    std::map<Key, std::shared_ptr<const Approach>> known_;
    std::queue<Key> order_;
    std::size_t bytes_ = 0;
    std::vector<std::uint16_t> seen_;  // [vertices] scratch, kUnreachable between searches
};

}  // namespace moesim::topologies
