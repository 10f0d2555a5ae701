#include <algorithm>
#include <set>

#include "models/counts.hpp"
#include "scenarios/builder.hpp"

namespace moesim::scenarios {
namespace {

/// Ranks along some axes of all pipeline ranks that hold the first stage (2 of them where flows run
/// in opposite directions); in a node: as around GPU 0.
Among replicas(const Scenario& s, const RankGrid::Axes& axes) {
    std::set<int> pipeline;
    for (int flow = 0; flow < s.schedule->flows(); ++flow)
        pipeline.insert(s.schedule->rank_of(s.shape(), 0, flow));
    Among out{static_cast<int>(pipeline.size()), 0, axes};
    for (const Axis axis : axes) out.ranks *= s.grid.degree(axis);
    for (const int rank : pipeline)
        out.per_node +=
            s.grid.within(axes, s.cluster.gpus_per_node() - rank * s.grid.stride(Axis::pipeline));
    return out;
}

RankParameters held(const Scenario& s, const std::vector<std::vector<Item>>& stages, int rank) {
    RankParameters sum;
    for (const int stage : stages_on(s, rank, static_cast<int>(stages.size()))) {
        const RankParameters p = rank_parameters(s, stages[static_cast<std::size_t>(stage)]);
        sum.shared += p.shared;
        sum.routed += p.routed;
    }
    return sum;
}

}  // namespace

Among dense_replicas(const Scenario& s) { return replicas(s, {Axis::context, Axis::data}); }

Among expert_replicas(const Scenario& s) { return replicas(s, {Axis::expert_data}); }

std::set<int> stages_on(const Scenario& s, int rank, int stages) {
    std::set<int> out;
    for (int flow = 0; flow < s.schedule->flows(); ++flow)
        for (int stage = 0; stage < stages; ++stage)
            if (s.schedule->rank_of(s.shape(), stage, flow) == rank) out.insert(stage);
    return out;
}

double expert_parameters(const Scenario& s) {
    for (const models::Layer& layer : s.model.kinds)
        if (const auto& moe = layer.moe)
            return (moe->gated ? 3.0 : 2.0) * moe->payload(s.model.hidden) * moe->width;
    return 0;
}

RankParameters rank_parameters(const Scenario& s, const std::vector<Item>& stage) {
    const models::Model& m = s.model;
    const double vocabulary = static_cast<double>(m.vocab) * m.hidden / s.parallel.tensor;
    RankParameters out;
    bool head_held = false;
    for (const Item& item : stage) switch (item.type) {
            case Item::Type::embedding:
                out.shared += vocabulary + m.extra.parameters +
                              static_cast<double>(m.position_embeddings) * m.hidden;
                break;
            case Item::Type::head:  // the MTP module shares it
                if (!head_held) out.shared += vocabulary;
                head_held = true;
                break;
            case Item::Type::mtp_projection:
                out.shared += 2.0 * m.hidden * m.hidden;
                break;
            case Item::Type::layer:
                for (const auto& [cls, count] :
                     models::layer_parameters(m, m.kinds[static_cast<std::size_t>(item.kind)])) {
                    const bool whole = cls == "norms" || cls == "router" || cls == "latent";
                    if (cls == "routed")  // redundant slots hold whole experts more
                        out.routed += (count + s.placement.redundant * expert_parameters(s)) /
                                      s.parallel.expert_group();
                    else
                        out.shared += whole ? count : count / s.parallel.tensor;
                }
        }
    return out;
}

/// ZeRO-1 and 2: gradients reduced and scattered over the ranks that hold the same weights, the
/// norm agreed by all, each rank's share updated, updated weights gathered. Ranks of mirrored
/// stages reduce together. Source: arXiv:1910.02054 (ZeRO); the byte counts are the recipe's.
void write_optimizer(Builder& b, const std::vector<std::vector<Item>>& stages) {
    const Scenario& s = b.s;
    if (s.optimizer == "none") return;
    const int ranks = s.parallel.pipeline;
    const bool sharded = s.optimizer != "replicated";
    const bool reduced_already =  // while backwards ran
        s.optimizer == "zero2" || s.optimizer == "fsdp" || s.overlap.grad_reduce;
    const Among dense = dense_replicas(s), experts = expert_replicas(s);
    for (Group& g : b.groups)
        g.unit =
            b.out.graph.add_unit({sim::UnitKind::optimizer, g.lanes.front().rank_class, -1, -1});

    // Groups whose pipeline ranks hold the same stages reduce together.
    std::map<std::set<int>, std::vector<Group*>> together;
    for (Group& g : b.groups)
        together[stages_on(s, g.rank, static_cast<int>(stages.size()))].push_back(&g);
    std::map<const Group*, Step> reduced;
    write_replicas(b, stages);
    const char* reduction = sharded ? "nccl.reduce_scatter" : "nccl.all_reduce";
    for (auto& [held_stages, who] : together) {
        if (reduced_already) break;
        const RankParameters p = held(s, stages, who.front()->rank);
        const Step first = b.reduce(who, reduction, p.shared * s.recipe.reduce_bytes, dense, {},
                                    "gradient reduction");
        const Step last = b.reduce(who, reduction, p.routed * s.recipe.reduce_bytes, experts,
                                   {first}, "gradient reduction");
        for (Group* g : who) reduced[g] = last;
    }
    // The global gradient norm: a few bytes from everybody to everybody.
    std::vector<Group*> all;
    for (Group& g : b.groups) all.push_back(&g);
    const Step norm = b.reduce(all, "nccl.all_reduce", 8,
                               {std::max(2, ranks * dense.ranks), s.cluster.gpus_per_node()}, {},
                               "gradient norm");
    for (Group& g : b.groups) {
        const RankParameters p = held(s, stages, g.rank);
        const double mine =
            sharded ? p.shared / dense.ranks + p.routed / experts.ranks : p.shared + p.routed;
        const double whole = s.optimizer == "fsdp" ? mine : p.shared + p.routed;
        const Recipe& r = s.recipe;
        // Norm: read the gradient. Update: read gradient, read and write master and moments, write
        // the weight to gather. Afterwards: gathered weights to the working copy, gradients
        // cleared.
        const double bytes =
            mine * (2 * r.gradient_bytes + 2 * (r.master_bytes + r.moment_bytes) + r.gather_bytes) +
            whole * (r.gather_bytes + r.weight_bytes + r.gradient_bytes);
        const topologies::Cost cost = s.profile.memory({"optimizer", bytes, 1}, false);
        const Step update =
            b.optimizer(g, cost.seconds / s.what_if.memory_bound, cost, {reduced[&g], norm});
        reduced[&g] = update;
    }
    if (!s.gathers_weights() || s.overlap.param_gather) return;
    for (auto& [held_stages, who] : together) {
        const RankParameters p = held(s, stages, who.front()->rank);
        const Step first = b.reduce(who, "nccl.all_gather", p.shared * s.recipe.gather_bytes, dense,
                                    {}, "parameter gather");
        b.reduce(who, "nccl.all_gather", p.routed * s.recipe.gather_bytes, experts, {first},
                 "parameter gather");
    }
}

double workspaces(const Scenario& s) {
    constexpr int kGroupedStreams = 4;
    return s.recipe.workspace_bytes * (1 + (s.moe_layers > 0 ? kGroupedStreams : 0));
}

void write_standing_memory(Builder& b, const std::vector<std::vector<Item>>& stages) {
    const Scenario& s = b.s;
    const Recipe& r = s.recipe;
    const double dense = dense_replicas(s).ranks, experts = expert_replicas(s).ranks;
    // What is held of weights, gradients and optimizer state: all of it, or this rank's share.
    const bool state = s.optimizer != "replicated" && s.optimizer != "none";
    const bool gradients = s.optimizer == "zero2" || s.optimizer == "fsdp";
    const bool weights = s.optimizer == "fsdp";
    for (const Group& g : b.groups) {
        const RankParameters p = held(s, stages, g.rank);
        for (const Lane& lane : g.lanes) {
            auto& bytes = b.out.standing[lane.rank_class];
            const auto held_of = [&](bool shared) {
                return shared ? p.shared / dense + p.routed / experts : p.shared + p.routed;
            };
            bytes[static_cast<std::size_t>(MemoryClass::weights)] =
                held_of(weights) * r.weight_bytes;
            bytes[static_cast<std::size_t>(MemoryClass::gradients)] =
                held_of(gradients) * r.gradient_bytes;
            bytes[static_cast<std::size_t>(MemoryClass::optimizer)] =
                s.optimizer == "none" ? 0 : held_of(state) * (r.master_bytes + r.moment_bytes);
            bytes[static_cast<std::size_t>(MemoryClass::buffers)] = workspaces(s);
        }
    }
}

}  // namespace moesim::scenarios
