#include "topologies/collectives/exchanges.hpp"

#include <algorithm>

namespace moesim::topologies {

Grid::Grid(const GroupShape& group)
    : rails_{static_cast<std::size_t>(*std::max_element(group.local.begin(), group.local.end()) +
                                      1)},
      rank_(static_cast<std::size_t>(group.nodes) * rails_, group.node.size()),
      of_node_(static_cast<std::size_t>(group.nodes)) {
    for (std::size_t r = 0; r < group.node.size(); ++r) {
        const auto node = static_cast<std::size_t>(group.node[r]);
        rank_[node * rails_ + static_cast<std::size_t>(group.local[r])] = r;
        of_node_[node].push_back(r);
    }
}

std::size_t Grid::at(int node, int rail) const {
    const auto n = static_cast<std::size_t>(node), l = static_cast<std::size_t>(rail);
    const std::size_t there = rank_[n * rails_ + l];
    const std::vector<std::size_t>& others = of_node_[n];
    return std::find(others.begin(), others.end(), there) != others.end()
               ? there
               : others[l % others.size()];
}

Flows direct(const std::vector<std::vector<double>>& per_token,
             const std::vector<int>& kind_of_source, double tokens) {
    Flows out{kind_of_source.size()};
    for (std::size_t s = 0; s < out.ranks; ++s) {
        const std::vector<double>& copies = per_token[static_cast<std::size_t>(kind_of_source[s])];
        for (std::size_t d = 0; d < out.ranks; ++d) out.add(s, d, tokens * copies[d]);
    }
    return out;
}

Flows relayed(const GroupShape& group, const Copies& copies, const std::vector<int>& kind_of_source,
              double tokens) {
    const Grid grid{group};
    Flows out{group.node.size()};
    std::vector<std::size_t> relay(static_cast<std::size_t>(group.nodes));
    for (std::size_t s = 0; s < out.ranks; ++s) {
        const auto kind = static_cast<std::size_t>(kind_of_source[s]);
        for (int n = 0; n < group.nodes; ++n) {
            std::size_t& there = relay[static_cast<std::size_t>(n)];
            there = n == group.node[s] ? s : grid.at(n, group.local[s]);
            out.add(s, there, tokens * copies.node[kind][static_cast<std::size_t>(n)]);
        }
        for (std::size_t d = 0; d < out.ranks; ++d)
            out.add(relay[static_cast<std::size_t>(group.node[d])], d,
                    tokens * copies.gpu[kind][d]);
    }
    return out;
}

}  // namespace moesim::topologies
