#include "topologies/collective.hpp"

#include "topologies/cluster.hpp"

namespace moesim::topologies {

PortLoads port_loads(const GroupShape& group, const Flows& flows) {
    const std::size_t ranks = flows.ranks;
    const std::vector<double> none(ranks, 0.0);
    PortLoads out{none, none, none, none};
    for (std::size_t s = 0; s < ranks; ++s)
        for (std::size_t d = 0; d < ranks; ++d) {
            const double copies = flows.at(s, d);
            const bool inside = group.node[s] == group.node[d];
            (inside ? out.nvlink_out : out.nic_out)[s] += copies;
            (inside ? out.nvlink_in : out.nic_in)[d] += copies;
        }
    return out;
}

PortLoads Dispatcher::loads(const GroupShape& group, const Copies& copies,
                            const std::vector<int>& kind_of_source, double tokens) const {
    const std::vector<Flows> phases = flows(group, copies, kind_of_source, tokens);
    Flows sum = phases.front();
    for (std::size_t p = 1; p < phases.size(); ++p)
        for (std::size_t i = 0; i < sum.copies.size(); ++i) sum.copies[i] += phases[p].copies[i];
    return port_loads(group, sum);
}

std::string pick_dispatcher(const Cluster& cluster, int ranks) {
    constexpr int kBoard = 8;
    const int domain = cluster.gpus_per_node();
    if (ranks > 1 && domain > kBoard && cluster.nvlink_out(0) >= 0) return "hybridep";
    const bool reachable = ranks <= domain || cluster.nic_out(0) >= 0;
    return ranks > 1 && cluster.nvlink_out(0) >= 0 && reachable ? "deepep" : "alltoall";
}

}  // namespace moesim::topologies
