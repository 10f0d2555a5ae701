#include <fmt/format.h>

#include <algorithm>

#include "models/attention.hpp"
#include "scenarios/builder.hpp"

namespace moesim::scenarios {

using sim::Kind;
using sim::TaskId;

sim::LinkId Builder::link(int physical, double rate_factor, int members) {
    const auto [at, fresh] = links_.try_emplace(physical, 0u);
    if (fresh) {
        const topologies::PhysicalLink& p = s.cluster.links()[static_cast<std::size_t>(physical)];
        at->second = out.graph.add_link({fmt::format("{} {}->{}", p.cls, p.from, p.to), p.cls,
                                         p.capacity * rate_factor, stands_for_ * width_ / members});
    }
    return at->second;
}

void Builder::ported(std::vector<sim::Demand>& demands, const Lane& lane, double nic_out,
                     double nic_in, double nvlink_out, double nvlink_in, double payload,
                     double mean_share, const topologies::TransferCost& cost) {
    const auto port = [&](int physical, double copies, double share, double factor) {
        if (copies <= 0 || physical < 0) return;
        const sim::LinkId id = link(physical, factor);
        const double rate = out.graph.links[id].capacity.si() * share;
        demands.push_back({out.graph.add_path({id}), copies * payload * mean_share,
                           copies * payload / rate * cost.slowdown});
    };
    port(s.cluster.nic_out(lane.gpu), nic_out, cost.nic_share, s.what_if.nic);
    port(s.cluster.nic_in(lane.gpu), nic_in, cost.nic_share, s.what_if.nic);
    port(s.cluster.nvlink_out(lane.gpu), nvlink_out, cost.nvlink_share, s.what_if.nvlink);
    port(s.cluster.nvlink_in(lane.gpu), nvlink_in, cost.nvlink_share, s.what_if.nvlink);
}

Builder::GroupCost Builder::group_cost(const std::string& collective, double bytes, int ranks,
                                       int per_node, bool contended, const std::string& what) {
    const auto rate = [&](int port, double factor) {
        return port < 0 ? 0
                        : s.cluster.links()[static_cast<std::size_t>(port)].capacity.si() * factor;
    };
    const topologies::RankGroup group{ranks, std::max(1, std::min(per_node, ranks)),
                                      s.cluster.device().nvls,
                                      s.cluster.resolved().value("in_network_reduction", false)};
    const topologies::CollectiveChoice choice =
        topologies::choose(collective, group, bytes,
                           {rate(s.cluster.nic_out(0), s.what_if.nic),
                            rate(s.cluster.nvlink_out(0), s.what_if.nvlink)});
    out.algorithms[what] = choice.algorithm;
    topologies::TransferQuery query;
    query.collective = collective;
    // All-to-alls are measured by what passes a port, as exchanges are.
    query.bytes = collective == "nccl.alltoall" ? 0 : bytes;
    query.nic_bytes = choice.load.nic;
    query.nvlink_bytes = choice.load.nvlink;
    query.contended = contended;
    query.ranks = ranks;
    query.nodes = group.nodes();
    topologies::TransferCost cost = s.profile.transfer(query);
    cost.startup_s = std::max(cost.startup_s, choice.steps_s);
    cost.slowdown = 1 + (cost.slowdown - 1) * s.what_if.contention;
    return {choice.load, cost};
}

Builder::Sent Builder::rung(const Group& g, const Ring& r) {
    // Inside a node everything takes NVLink. Beyond it, the ranks of a node take turns with their
    // NICs at each byte that leaves it.
    const RankGrid::Axes axes{r.axis};
    const int in_node = s.grid.within(axes, s.cluster.gpus_per_node());
    const double nvlink = in_node > 1 ? r.sent : 0;
    const double nic = in_node < r.ranks ? r.sent / in_node : 0;
    topologies::TransferQuery query;
    query.collective = r.collective;
    query.bytes = r.collective == "nccl.alltoall" ? 0 : r.bytes / r.tile;
    // Point-to-point calls are measured one message at a time.
    query.nic_bytes = r.collective == "p2p" && nic > 0 ? r.bytes : nic / r.tile;
    query.nvlink_bytes = r.collective == "p2p" && nvlink > 0 ? r.bytes : nvlink / r.tile;
    query.contended = r.beside > 0;
    query.ranks = r.ranks;
    query.nodes = (r.ranks + in_node - 1) / in_node;
    topologies::TransferCost cost = s.profile.transfer(query);
    cost.slowdown = 1 + (cost.slowdown - 1) * s.what_if.contention * r.beside;
    Sent out_{0, {}, cost};
    for (const Lane& lane : g.lanes)
        ported(out_.demands, lane, nic, nic, nvlink, nvlink, 1, 1, cost);
    const double relayed = nic > 0 ? beyond_ports(out_.demands, g, 0, {axes}, nic, 0, cost) : 0;
    out_.latency = relayed + cost.startup_s * r.tile * s.what_if.latency;
    return out_;
}

Step Builder::ring(Group& g, const Ring& r, std::initializer_list<Step> after) {
    if (r.ranks <= 1 || r.bytes <= 0) return after.size() > 0 ? *after.begin() : Step{};
    const std::uint16_t id =
        out.graph.add_op(std::string{r.title} + (r.beside > 0 ? " (beside compute)" : ""));
    std::vector<sim::StreamId> streams;
    std::vector<TaskId> ids;
    for (std::size_t l = 0; l < g.lanes.size(); ++l) {
        streams.push_back(g.lanes[l].*r.stream);
        const auto mine = gather(g, l, after);
        ids.insert(ids.end(), mine.begin(), mine.end());
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    const Sent sent = rung(g, r);
    Step step;
    step.shared = true;
    step.first = out.graph.add_transfer(streams, sent.latency, 0, sent.demands,
                                        {r.kind, id, r.layer, r.micro_batch, g.unit}, ids);
    std::array<double, 4> ground{};
    ground[static_cast<std::size_t>(sent.cost.evidence)] =
        out.graph.alone_seconds(out.graph.tasks[step.first]);
    add_ground(id, ground, sent.cost.rel_error,
               static_cast<double>(width_) * static_cast<double>(g.lanes.size()));
    turn_[static_cast<std::size_t>(&g - groups.data())] = step;
    return step;
}

Ring Builder::tensor_ring(const Item& item, int micro_batch, double beside, double part,
                          double of_layer) const {
    const int t = s.parallel.tensor;
    const double bytes = s.tokens_per_rank() * t * s.model.hidden * 2 * part;
    return {Kind::tp,
            &Lane::tp,
            "nccl.all_gather",
            "tensor-parallel gather or scatter",
            bytes,
            bytes * (t - 1) / t,
            t,
            Axis::tensor,
            item.layer,
            micro_batch,
            beside,
            s.tiles ? of_layer : 1};
}

Step Builder::tensor(Group& g, const Item& item, int micro_batch, double beside,
                     std::initializer_list<Step> after, double part, double of_layer) {
    return ring(g, tensor_ring(item, micro_batch, beside, part, of_layer), after);
}

/// Ring: keys and values (and, backward, their gradients) visit every rank. All-to-all: each rank
/// turns its part of the sequence with all heads into the whole sequence with some heads, and back.
/// A recurrent mixer hands its state on, whatever the kind of context parallelism.
/// Source: ring attention, arXiv:2310.01889; DeepSpeed Ulysses, arXiv:2309.14509.
Step Builder::context(Group& g, const Item& item, int micro_batch, bool backward,
                      std::initializer_list<Step> after) {
    const int c = s.parallel.context;
    const models::Attention& a = s.model.kinds[static_cast<std::size_t>(item.kind)].attention;
    const double per_rank = s.tokens_per_rank() * 2;  // tokens x bytes, per head of the model
    if (!a.present()) return after.size() > 0 ? *after.begin() : Step{};
    const double kv = a.softmax()
                          ? per_rank * a.kv_heads * (a.qk_dim() + a.value_dim())
                          : 2.0 * s.micro_batch * models::attention_kind(a.kind).state_values(a);
    const bool alltoall = s.context_kind == "alltoall" && a.softmax();
    const double mine =
        alltoall ? kv + per_rank * a.heads * (a.qk_dim() + a.value_dim()) : kv * (backward ? 2 : 1);
    return ring(g,
                {Kind::cp, &Lane::cp, alltoall ? "nccl.alltoall" : "p2p",
                 alltoall ? "context-parallel all-to-all" : "context-parallel ring", mine,
                 alltoall ? mine * (c - 1) / c * (backward ? 2 : 1) : mine * (c - 1), c,
                 Axis::context, item.layer, micro_batch, false},
                after);
}

/// Rows of the hottest rank, BF16. Source: Megatron-LM core/transformer/moe/token_dispatcher.py.
Ring Builder::expert_ring(const Group& g, const Item& item, int micro_batch, bool backward,
                          bool gather, double beside, double part) const {
    const int e = s.parallel.expert_tensor;
    const double bytes =
        hottest(load(item, micro_batch, g.replica, backward).rows) *
        s.model.kinds[static_cast<std::size_t>(item.kind)].moe->payload(s.model.hidden) * 2 * part;
    return {Kind::tp,
            &Lane::tp,
            gather ? "nccl.all_gather" : "nccl.reduce_scatter",
            gather ? "expert-tensor gather" : "expert-tensor scatter",
            bytes,
            bytes * (e - 1) / e,
            e,
            Axis::expert_tensor,
            item.layer,
            micro_batch,
            beside,
            s.tiles ? part : 1};
}

Step Builder::expert_tensor(Group& g, const Item& item, int micro_batch, bool backward, bool gather,
                            double beside, std::initializer_list<Step> after, double part) {
    if (s.parallel.expert_tensor == 1) return after.size() > 0 ? *after.begin() : Step{};
    return ring(g, expert_ring(g, item, micro_batch, backward, gather, beside, part), after);
}

Step Builder::send(Group& from, Group& to, int what, int micro_batch,
                   std::initializer_list<Step> after) {
    const double bytes = s.tokens_per_rank() * s.model.hidden * 2;
    const bool near =
        s.cluster.node_of(from.lanes.front().gpu) == s.cluster.node_of(to.lanes.front().gpu);
    const topologies::TransferCost cost =
        group_cost("p2p", bytes, 2, near ? 2 : 1, false, "stage to stage").cost;
    const std::uint16_t id = out.graph.add_op("stage to stage");
    Step step;
    for (std::size_t l = 0; l < from.lanes.size(); ++l) {
        Lane &a = from.lanes[l], &b = to.lanes[l];
        const auto stream = [&](Lane& lane, int peer, int role) {
            const auto [at, fresh] = lane.pp.try_emplace({peer, role}, 0u);
            if (fresh)
                at->second = out.graph.add_stream(
                    {"pp", lane.rank_class, out.graph.rank_classes[lane.rank_class].width, false});
            return at->second;
        };
        const sim::StreamId streams[] = {stream(a, to.rank, 2 * what),
                                         stream(b, from.rank, 2 * what + 1)};
        const bool inside = s.cluster.node_of(a.gpu) == s.cluster.node_of(b.gpu);
        const int ports[] = {inside ? s.cluster.nvlink_out(a.gpu) : s.cluster.nic_out(a.gpu),
                             inside ? s.cluster.nvlink_in(b.gpu) : s.cluster.nic_in(b.gpu)};
        std::vector<sim::LinkId> path;
        double rate = 0;
        for (const int port : ports) {
            path.push_back(link(port, inside ? s.what_if.nvlink : s.what_if.nic));
            rate = out.graph.links[path.back()].capacity.si() *
                   (inside ? cost.nvlink_share : cost.nic_share);
        }
        std::vector<sim::Demand> demands{{out.graph.add_path(path), bytes, bytes / rate}};
        const Traffic traffic{{Axis::tensor}, topologies::Pattern::direct, to.rank - from.rank};
        const double relayed = inside ? 0 : beyond_ports(demands, from, l, traffic, bytes, 0, cost);
        const double latency = relayed + cost.startup_s * s.what_if.latency;
        const TaskId task = out.graph.add_transfer(streams, latency, 0, demands,
                                                   {Kind::pp, id, -1, micro_batch, from.unit},
                                                   gather(from, l, after));
        if (l == 0) step.first = task;
        std::array<double, 4> ground{};
        ground[static_cast<std::size_t>(cost.evidence)] =
            out.graph.alone_seconds(out.graph.tasks[task]);
        add_ground(id, ground, cost.rel_error, static_cast<double>(width_));
    }
    turn_[static_cast<std::size_t>(&from - groups.data())] = step;
    return step;
}

Step Builder::reduce(std::span<Group* const> who, const std::string& collective, double bytes,
                     const Among& among, std::initializer_list<Step> after, const char* title,
                     bool behind_compute) {
    if (among.ranks <= 1 || bytes <= 0) return after.size() > 0 ? *after.begin() : Step{};
    const auto [load, cost] =
        group_cost(collective, bytes, among.ranks, among.per_node, false, title);
    const std::uint16_t id = out.graph.add_op(title);
    std::vector<sim::Demand> demands;
    std::vector<sim::StreamId> streams;
    std::vector<TaskId> ids;
    std::uint32_t unit = sim::kNone;
    double relayed = 0;
    for (Group* g : who) {
        if (load.nic > 0 && !among.axes.empty())
            relayed =
                std::max(relayed, beyond_ports(demands, *g, 0, {among.axes}, load.nic, 0, cost));
        for (std::size_t l = 0; l < g->lanes.size(); ++l) {
            ported(demands, g->lanes[l], load.nic, load.nic, load.nvlink, load.nvlink, 1, 1, cost);
            streams.push_back(g->lanes[l].dp);
            const auto mine = gather(*g, l, after);
            ids.insert(ids.end(), mine.begin(), mine.end());
            // What comes last on the lane's own compute stream must be done.
            const auto& order = out.graph.stream_tasks[g->lanes[l].compute];
            if (behind_compute && !order.empty()) ids.push_back(order.back());
            if (behind_compute) unit = g->unit;
        }
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    Step step;
    step.shared = true;
    step.first = out.graph.add_transfer(streams, relayed + cost.startup_s * s.what_if.latency, 0,
                                        demands, {Kind::dp, id, -1, -1, unit}, ids);
    std::array<double, 4> ground{};
    ground[static_cast<std::size_t>(cost.evidence)] =
        out.graph.alone_seconds(out.graph.tasks[step.first]);
    add_ground(id, ground, cost.rel_error, static_cast<double>(width_));
    return step;
}

Step Builder::optimizer(Group& g, double seconds, const topologies::Cost& cost,
                        std::initializer_list<Step> after) {
    const std::uint16_t id = out.graph.add_op("optimizer");
    const std::uint32_t values = out.graph.add_values({seconds});
    Step step;
    for (std::size_t l = 0; l < g.lanes.size(); ++l) {
        const TaskId task =
            out.graph.add_work(g.lanes[l].compute, values, 0, {Kind::optimizer, id, -1, -1, g.unit},
                               gather(g, l, after));
        if (l == 0) step.first = task;
    }
    std::array<double, 4> ground{};
    ground[static_cast<std::size_t>(cost.evidence)] = seconds;
    add_ground(id, ground, cost.rel_error, static_cast<double>(width_));
    return step;
}

void Builder::memory(const Group& g, Step at, bool at_end, MemoryClass cls, double bytes) {
    if (at.first == sim::kNone || bytes == 0) return;
    for (std::size_t l = 0; l < g.lanes.size(); ++l)
        out.memory.push_back({at.of(l), at_end, g.lanes[l].rank_class, cls, bytes});
}

}  // namespace moesim::scenarios
