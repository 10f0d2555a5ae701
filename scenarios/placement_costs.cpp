#include <algorithm>
#include <numeric>
#include <set>

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

/// Ranks that hold the same expert and, where the optimizer is sharded, a part of its state each.
double state_shards(const Scenario& s) {
    if (s.optimizer == "none" || s.optimizer == "replicated") return 1;
    std::set<int> copies;  // pipeline ranks that hold a stage: 2 where flows run both ways
    for (int flow = 0; flow < s.schedule->flows(); ++flow)
        copies.insert(s.schedule->rank_of(s.shape(), 0, flow));
    return s.parallel.expert_data() * static_cast<double>(copies.size());
}

/// What a rank sends of one expert that changes its rank: its shard of the working weights, and of
/// the optimizer state what the rank holds.
double moved_bytes(const Scenario& s) {
    const double state = s.optimizer == "none" ? 0 : s.recipe.master_bytes + s.recipe.moment_bytes;
    return expert_parameters(s) / s.parallel.expert_tensor *
           (s.recipe.weight_bytes + state / state_shards(s));
}

double sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }
double most(const std::vector<double>& v) { return *std::max_element(v.begin(), v.end()); }

}  // namespace

Step Builder::move(Group& g, double bytes, double share, bool beside) {
    const topologies::PortLoads& p = loads_->moves();
    const double whole =
        bytes * std::max({most(p.nic_out), most(p.nic_in), most(p.nvlink_out), most(p.nvlink_in)});
    if (whole <= 0) return {};
    const topologies::TransferCost cost = s.profile.transfer("nccl.alltoall", whole, false);
    const std::uint16_t id =
        out.graph.add_op(beside ? "expert move (beside the step)" : "expert move");
    std::vector<sim::Demand> demands;
    std::vector<sim::StreamId> streams;
    std::vector<sim::TaskId> ids;
    for (std::size_t l = 0; l < g.lanes.size(); ++l) {
        Lane& lane = g.lanes[l];
        // expert-tensor neighbours move shards of the same experts
        const std::size_t member = l * p.nic_in.size() / g.lanes.size();
        const auto at = [&](const std::vector<double>& v) { return fold_ ? most(v) : v[member]; };
        const double hot = at(p.nic_out) + at(p.nic_in) + at(p.nvlink_out) + at(p.nvlink_in);
        const double all = sum(p.nic_out) + sum(p.nic_in) + sum(p.nvlink_out) + sum(p.nvlink_in);
        const double mean_share =
            fold_ && hot > 0 ? all / static_cast<double>(p.nic_in.size()) / hot : 1;
        ported(demands, lane, at(p.nic_out), at(p.nic_in), at(p.nvlink_out), at(p.nvlink_in),
               bytes * share, mean_share, cost);
        if (beside) {
            const auto width = out.graph.rank_classes[lane.rank_class].width;
            streams.push_back(out.graph.add_stream({"move", lane.rank_class, width, false}));
            continue;
        }
        streams.push_back(lane.dp);
        const auto& order = out.graph.stream_tasks[lane.compute];
        if (!order.empty()) ids.push_back(order.back());
    }
    Step step;
    step.shared = true;
    step.first =
        out.graph.add_transfer(streams, cost.startup_s * s.what_if.latency * share, 0, demands,
                               {sim::Kind::dp, id, -1, -1, beside ? sim::kNone : g.unit}, ids);
    const double seconds = out.graph.alone_seconds(out.graph.tasks[step.first]);
    std::array<double, 4> ground{};
    ground[static_cast<std::size_t>(cost.evidence)] = seconds;
    add_ground(id, ground, cost.rel_error, static_cast<double>(width_));
    out.move->seconds = std::max(out.move->seconds, seconds / share);
    return step;
}

/// Replicas of an expert inside the expert-parallel group: their gradients are summed before
/// anything else. Every `move_every` steps weights and optimizer state go where a new placement
/// wants them; a step of the average kind carries its share of that, after its compute or beside
/// it.
void write_replicas(Builder& b, const std::vector<std::vector<Item>>& stages) {
    const Scenario& s = b.s;
    if (!s.routing) return;
    const double slots = b.loads().replicated_slots(), expert = expert_parameters(s);
    const topologies::PortLoads& moves = b.loads().moves();
    const bool moving = s.placement.move_every > 0 && !moves.nic_in.empty();
    const double share = moving ? 1 / s.placement.move_every : 0, bytes = moved_bytes(s);
    const bool beside = s.placement.hide_moves && !b.take_turns;
    if (moving) b.out.move = MoveCost{s.placement.move_every, beside, 0, 0, 0, 0};
    // Expert groups that a simulated one stands for.
    const double groups = 1.0 * s.parallel.expert_data() / b.replicas();
    for (Group& g : b.groups) {
        Group* const who[] = {&g};
        const int layers = moe_layers_on(s, stages, g.rank);
        const Among among{s.parallel.expert,
                          s.grid.within({Axis::expert}, s.cluster.gpus_per_node()),
                          {Axis::expert}};
        b.reduce(who, "nccl.all_reduce", slots * layers * expert * s.recipe.reduce_bytes, among, {},
                 "replica gradient reduction");
        if (!moving || layers == 0) continue;
        b.move(g, bytes * layers, share, beside);
        MoveCost& move = *b.out.move;
        move.experts += groups * layers * (sum(moves.nic_in) + sum(moves.nvlink_in));
        move.bytes = move.experts * s.parallel.expert_tensor * bytes;
        for (const auto* port :
             {&moves.nic_out, &moves.nic_in, &moves.nvlink_out, &moves.nvlink_in})
            move.rank_bytes = std::max(move.rank_bytes, bytes * layers * most(*port));
    }
}

}  // namespace moesim::scenarios
