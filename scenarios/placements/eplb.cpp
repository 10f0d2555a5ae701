#include "scenarios/placements/parts.hpp"
#include "scenarios/placements/replicas.hpp"

namespace moesim::scenarios {
namespace {

using Row = std::vector<float>;

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// The experts of each node: its groups in order of arrival, inside a group the original order.
std::vector<std::vector<int>> experts_of_nodes(const Row& load, int groups, int nodes) {
    const int experts = static_cast<int>(load.size()), size = experts / groups;
    Row group_load(at(groups));
    for (int e = 0; e < experts; ++e) group_load[at(e / size)] += load[at(e)];
    const Packing to_node = balanced_pack(group_load, nodes);
    std::vector<std::vector<int>> out(at(nodes), std::vector<int>(at(experts / nodes)));
    for (int e = 0; e < experts; ++e) {
        const std::size_t group = at(e / size);
        out[at(to_node.bin[group])][at(to_node.rank[group] * size + e % size)] = e;
    }
    return out;
}

/// Adds one layer to `out`.
void place_layer(const Row& load, const PlacementInput& in, int groups, int nodes, Placement& out) {
    const int per_node = in.slots / nodes, per_gpu = in.slots / in.gpus;
    std::vector<int> held(at(in.slots)), count(load.size());
    std::vector<std::vector<int>> of(load.size());
    const auto local = experts_of_nodes(load, groups, nodes);
    for (int node = 0; node < nodes; ++node) {
        const std::vector<int>& experts = local[at(node)];
        Row local_load;
        for (const int e : experts) local_load.push_back(load[at(e)]);
        const Replicas replicas = replicate(local_load, per_node);
        const Packing to_gpu = balanced_pack(replicas.load(local_load), in.gpus / nodes);
        for (std::size_t i = 0; i < experts.size(); ++i) {
            count[at(experts[i])] = replicas.count[i];
            of[at(experts[i])].resize(at(replicas.count[i]));
        }
        for (std::size_t i = 0; i < replicas.expert.size(); ++i) {
            const int e = experts[at(replicas.expert[i])];
            const int slot = node * per_node + to_gpu.bin[i] * per_gpu + to_gpu.rank[i];
            held[at(slot)] = e;
            of[at(e)][at(replicas.rank[i])] = slot;
        }
    }
    out.phy2log.push_back(std::move(held));
    out.log2phy.push_back(std::move(of));
    out.logcnt.push_back(std::move(count));
}

/// DeepSeek's expert-parallel load balancer, to the last slot.
///
/// Hierarchical when the nodes divide the groups: groups to nodes, replicas inside each node,
/// replicas to its GPUs, each time as balanced_pack() does. Otherwise global: one group, one node.
/// log2phy is in order of making. Arithmetic is in single precision (counts above 2^24 lose
/// digits), sums run in order, sorts are stable; the original leaves both to its runtime. GPU
/// speeds are not looked at. Two replicas of an expert may share a GPU. Source: deepseek-ai/EPLB,
/// eplb.py (rebalance_experts), commit d52c72d.
class Eplb final : public PlacementStrategy {
public:
    explicit Eplb(sim::Table&) {}

    std::string refuse(const PlacementInput& input) const override { return unreplicable(input); }

    Placement place(const PlacementInput& input) const override {
        const bool hierarchical = input.groups % input.nodes == 0;
        Placement out;
        for (const std::vector<double>& load : input.weight)
            place_layer(Row(load.begin(), load.end()), input, hierarchical ? input.groups : 1,
                        hierarchical ? input.nodes : 1, out);
        return out;
    }

    bool replicates() const override { return true; }
};

const sim::Register<PlacementStrategy, Eplb, sim::Table&> entry{
    "eplb", "DeepSeek's EPLB: replicas for hot experts, groups kept in one node"};

}  // namespace
}  // namespace moesim::scenarios
