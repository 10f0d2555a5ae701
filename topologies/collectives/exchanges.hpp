#pragma once

#include "topologies/collective.hpp"

namespace moesim::topologies {

/// Ranks of a group by domain and rail.
class Grid {
public:
    explicit Grid(const GroupShape& group);
    [[nodiscard]] std::size_t rails() const { return rails_; }
    /// The rank on `rail` of `node`; where the group has none there, one of the node's others.
    [[nodiscard]] std::size_t at(int node, int rail) const;

private:
    std::size_t rails_;
    std::vector<std::size_t> rank_;                  // [nodes * rails]
    std::vector<std::vector<std::size_t>> of_node_;  // [nodes][...]
};

/// One message for each source and destination: `per_token` [kinds][ranks] copies of a token.
Flows direct(const std::vector<std::vector<double>>& per_token,
             const std::vector<int>& kind_of_source, double tokens);

/// One copy for each remote domain that a token touches, to the rank of the source's own rail
/// there, which forwards it to each of its domain's ranks that need it:
///
///   source s ==NIC==> (node n, rail of s) --NVLink--> each GPU of n that holds a chosen expert
///   source s --NVLink--> GPUs of its own node
Flows relayed(const GroupShape& group, const Copies& copies, const std::vector<int>& kind_of_source,
              double tokens);

}  // namespace moesim::topologies
