#include <algorithm>

#include "scenarios/builder.hpp"

namespace moesim::scenarios {
namespace {

int moe_layers_on(const Scenario& s, const std::vector<std::vector<Item>>& stages, int rank) {
    int layers = 0;
    for (const int stage : stages_on(s, rank, static_cast<int>(stages.size())))
        for (const Item& item : stages[static_cast<std::size_t>(stage)])
            layers += item.moe_layer >= 0;
    return layers;
}

}  // namespace

/// Replicas of an expert inside the expert-parallel group: their gradients are summed before
/// anything else, and every `move_every` steps weights and optimizer state go where a new placement
/// wants them, unless they move beside the steps.
void write_replicas(Builder& b, const std::vector<std::vector<Item>>& stages) {
    const Scenario& s = b.s;
    if (!s.routing) return;
    const double slots = b.loads().replicated_slots(), expert = expert_parameters(s);
    for (Group& g : b.groups) {
        Group* const who[] = {&g};
        const int layers = moe_layers_on(s, stages, g.rank);
        const int per_node = std::min(s.parallel.expert, s.cluster.gpus_per_node());
        b.reduce(who, "nccl.all_reduce", slots * layers * expert * s.recipe.reduce_bytes,
                 s.parallel.expert, per_node, {}, "replica gradient reduction");
        if (s.placement.move_every <= 0 || s.placement.hide_moves) continue;
        const double bytes =
            b.loads().moved_slots() * layers * expert *
            (s.recipe.weight_bytes + s.recipe.master_bytes + s.recipe.moment_bytes);
        b.reduce(who, "nccl.alltoall", bytes / s.placement.move_every, s.parallel.expert, per_node,
                 {}, "expert move");
    }
}

}  // namespace moesim::scenarios
