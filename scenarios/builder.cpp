#include "scenarios/builder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace moesim::scenarios {

using sim::Kind;
using sim::Label;
using sim::TaskId;

namespace {

double hottest(const std::vector<double>& v) { return *std::max_element(v.begin(), v.end()); }

std::vector<int> run_of(int first, int count) {
    std::vector<int> out(static_cast<std::size_t>(count));
    std::iota(out.begin(), out.end(), first);
    return out;
}

}  // namespace

Builder::Builder(const Scenario& scenario, bool fold) : s{scenario}, fold_{fold} {
    const Parallel& p = s.parallel;
    const int per_stage = p.tensor * p.context * p.data;
    loads_ = std::make_unique<Loads>(s, run_of(0, p.expert));
    const int groups_per_stage = per_stage / p.expert;
    replicas_ = fold ? 1 : groups_per_stage;
    width_ = fold && loads_->differ() ? p.expert : 1;
    stands_for_ = fold ? static_cast<double>(per_stage) / width_ : 1;
    take_turns = s.what_if.overlap == 0;
    if (s.routing) {
        const ExchangeLoad any = loads_->get(0, 0, 0, false);
        mean_rows_ = mean(any.rows);
        unique_per_row_ = mean(any.unique) / mean_rows_;
    }
    costs_ = std::make_unique<LayerCosts>(s, s.routing ? loads_->slots_per_member() : 0, mean_rows_,
                                          unique_per_row_);
    const int lanes = fold ? 1 : p.expert;
    for (int replica = 0; replica < replicas_; ++replica)
        for (int rank = 0; rank < p.pipeline; ++rank) {
            Group g;
            g.rank = rank;
            g.replica = replica;
            for (int l = 0; l < lanes; ++l) {
                Lane lane;
                const auto width = static_cast<std::uint32_t>(width_);
                lane.gpu = rank * per_stage + replica * p.expert + l;
                const std::string title =
                    fold ? fmt::format("rank {}", rank)
                         : fmt::format("rank {}.{}", rank, replica * p.expert + l);
                lane.rank_class = out.graph.add_rank_class(title, width, stands_for_);
                lane.compute = out.graph.add_stream({"compute", lane.rank_class, width, true});
                lane.ep = out.graph.add_stream({"ep", lane.rank_class, width, false});
                lane.tp = out.graph.add_stream({"tp", lane.rank_class, width, false});
                lane.dp = out.graph.add_stream({"dp", lane.rank_class, width, false});
                out.pipeline_rank.push_back(rank);
                out.first_gpu.push_back(lane.gpu);
                out.standing.emplace_back();
                g.lanes.push_back(lane);
            }
            groups.push_back(std::move(g));
            turn_.emplace_back();
        }
    out.fold =
        !fold ? "off"
        : width_ > 1
            ? fmt::format(
                  "each simulated rank class holds the {} ranks of one expert-parallel "
                  "group with their own loads and stands for {} such groups",
                  width_, groups_per_stage)
            : fmt::format("each simulated rank stands for {} ranks with equal loads", per_stage);
}

std::vector<TaskId> Builder::gather(const Group& g, std::size_t lane,
                                    std::initializer_list<Step> after) const {
    std::vector<TaskId> ids;
    for (const Step& step : after)
        if (step.first != sim::kNone) ids.push_back(step.of(lane));
    if (take_turns) {
        const Step& last = turn_[static_cast<std::size_t>(&g - groups.data())];
        if (last.first != sim::kNone) ids.push_back(last.of(lane));
    }
    return ids;
}

const ExchangeLoad& Builder::load(const Item& item, int micro_batch, int replica,
                                  bool backward) const {
    // Where nothing differs, one load serves every layer and micro-batch; given rows serve all of
    // the latter.
    const bool given = !s.routing->rows(0, false, 1).empty();
    const bool same = !loads_->differ() && !given;
    const std::array<int, 4> key{same ? 0 : item.moe_layer, same || given ? 0 : micro_batch,
                                 same ? 0 : replica, given && backward};
    const auto at = known_loads_.find(key);
    if (at != known_loads_.end()) return at->second;
    const ExchangeLoad fresh = loads_->get(key[0], key[1], key[2], key[3] != 0);
    return known_loads_.emplace(key, fresh).first->second;
}

void Builder::add_ground(std::uint16_t id, const std::array<double, 4>& seconds, double rel_error,
                         double weight) {
    if (out.ops.size() <= id) out.ops.resize(id + 1u);
    OpGround& ground = out.ops[id];
    for (std::size_t i = 0; i < 4; ++i) ground.seconds[i] += seconds[i] * weight;
    ground.rel_error = rel_error;
}

Step Builder::work(Group& g, const Item& item, Segment segment, bool contended, int micro_batch,
                   std::initializer_list<Step> after) {
    const SegmentCost& cost = costs_->get(item, segment, contended);
    const double total = std::accumulate(cost.ground.begin(), cost.ground.end(), 0.0);
    if (total == 0) return after.size() > 0 ? *after.begin() : Step{};
    static constexpr const char* items[] = {"embedding", "", "mtp projection", "head"};
    const std::string title = item.type == Item::Type::layer
                                  ? std::string{name(segment)}
                                  : fmt::format("{} {}", items[static_cast<int>(item.type)],
                                                std::string{name(segment)}.substr(4));
    const std::uint16_t id = out.graph.add_op(title + (contended ? " (beside transfers)" : ""));
    const bool backward = segment != Segment::ffn_forward && segment != Segment::attention_forward;
    Step step;
    double seconds = 0;
    for (std::size_t l = 0; l < g.lanes.size(); ++l) {
        std::uint32_t values = 0;
        if (cost.depends_on_rows()) {
            const std::vector<double>& rows = load(item, micro_batch, g.replica, backward).rows;
            std::vector<double> each;
            if (fold_ && width_ == 1)
                each.push_back(cost.at(rows.front()));
            else if (fold_)
                for (const double r : rows) each.push_back(cost.at(r));
            else
                each.push_back(cost.at(rows[l]));
            seconds += mean(each) * width_;
            values = out.graph.add_values(std::move(each));
        } else {
            const auto [at, fresh] = constant_.try_emplace(&cost, 0u);
            if (fresh) at->second = out.graph.add_values(cost.seconds);
            values = at->second;
            seconds += cost.seconds.front() * width_;
        }
        const TaskId task = out.graph.add_work(g.lanes[l].compute, values, cost.gap,
                                               {Kind::compute, id, item.layer, micro_batch, g.unit},
                                               gather(g, l, after));
        if (l == 0) step.first = task;
    }
    add_ground(id, cost.ground, cost.rel_error, seconds / total);
    for (const auto& [kernel, t] : cost.kernels)
        out.kernel_seconds[kernel] += t * (seconds / total) * stands_for_ / s.gpus;
    if (contended) out.contended_seconds += seconds;
    turn_[static_cast<std::size_t>(&g - groups.data())] = step;
    return step;
}

sim::LinkId Builder::link(int physical, double rate_factor) {
    const auto [at, fresh] = links_.try_emplace(physical, 0u);
    if (fresh) {
        const topologies::PhysicalLink& p = s.cluster.links()[static_cast<std::size_t>(physical)];
        at->second = out.graph.add_link({fmt::format("{} {}->{}", p.cls, p.from, p.to), p.cls,
                                         p.capacity * rate_factor, stands_for_ * width_});
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

/// Experts that travel for one micro-batch: weights out with the dispatch, gradients home with its
/// gradient.
void Builder::ship(std::vector<sim::Demand>& demands, const Lane& lane, std::size_t l,
                   const ExchangeLoad& load, bool home, const topologies::TransferCost& cost) {
    const topologies::PortLoads& p = load.shipped;
    if (p.nic_out.empty()) return;
    const auto at = [&](const std::vector<double>& v) { return fold_ ? hottest(v) : v[l]; };
    const double bytes =
        expert_parameters(s) * (home ? s.recipe.reduce_bytes : s.recipe.weight_bytes);
    if (home)
        ported(demands, lane, at(p.nic_in), at(p.nic_out), at(p.nvlink_in), at(p.nvlink_out), bytes,
               1, cost);
    else
        ported(demands, lane, at(p.nic_out), at(p.nic_in), at(p.nvlink_out), at(p.nvlink_in), bytes,
               1, cost);
}

void Builder::sample(const Item& item, int micro_batch, const ExchangeLoad& load) {
    const auto hot = std::max_element(load.rows.begin(), load.rows.end()) - load.rows.begin();
    out.loads.push_back({item.moe_layer, micro_batch, max_over_mean(load.rows),
                         max_over_mean(load.ports.nic_in), max_over_mean(load.ports.nvlink_in),
                         static_cast<int>(hot)});
    dropped_ += load.dropped;
    out.dropped_share = dropped_ / static_cast<double>(out.loads.size());
}

Step Builder::exchange(Group& g, const Item& item, Exchange what, bool contended, int micro_batch,
                       std::initializer_list<Step> after) {
    if (s.parallel.expert == 1) return after.size() > 0 ? *after.begin() : Step{};  // all at home
    static constexpr const char* titles[] = {"dispatch", "combine", "combine gradient",
                                             "dispatch gradient"};
    const topologies::Dispatcher::Names names = s.dispatcher->names();
    const models::MoeFfn& moe = *s.model.kinds[static_cast<std::size_t>(item.kind)].moe;
    const bool outwards = what == Exchange::dispatch || what == Exchange::combine_gradient;
    const bool backward = what == Exchange::combine_gradient || what == Exchange::dispatch_gradient;
    const std::string& name = what == Exchange::dispatch           ? names.dispatch
                              : what == Exchange::combine          ? names.combine
                              : what == Exchange::combine_gradient ? names.combine_gradient
                                                                   : names.dispatch_gradient;
    // The recipe calls what moves as a dispatch in the backward pass "dispatch_gradient".
    const WireFormat& format = what == Exchange::dispatch           ? s.recipe.dispatch
                               : what == Exchange::combine          ? s.recipe.combine
                               : what == Exchange::combine_gradient ? s.recipe.dispatch_gradient
                                                                    : s.recipe.combine_gradient;
    const char* stream_segment = what == Exchange::dispatch           ? "dispatch.stream"
                                 : what == Exchange::combine          ? "combine.stream"
                                 : what == Exchange::combine_gradient ? "dispatch_gradient.stream"
                                                                      : "combine_gradient.stream";
    const double payload =
        s.dispatcher->wire_bytes(s.model.hidden * (format.bytes + format.scale_bytes), moe.top_k);
    const ExchangeLoad& load_ = load(item, micro_batch, g.replica, backward);
    const topologies::PortLoads& p = load_.ports;
    const double mean_nic = std::max(mean(p.nic_out), 0.0);
    topologies::TransferCost cost =
        s.profile.transfer(name, std::max(mean_nic, mean(p.nvlink_out)) * payload, contended);
    cost.slowdown = 1 + (cost.slowdown - 1) * s.what_if.contention;
    const auto [before, fresh] = stream_seconds_.try_emplace(stream_segment, 0.0);
    if (fresh)
        before->second =
            costs_->stream_seconds(stream_segment, mean_rows_, mean_rows_ * unique_per_row_);

    std::vector<sim::Demand> demands;
    std::vector<sim::StreamId> streams;
    std::vector<TaskId> ids;
    for (std::size_t l = 0; l < g.lanes.size(); ++l) {
        const auto at = [&](const std::vector<double>& v) { return fold_ ? hottest(v) : v[l]; };
        const double nic_hot = at(p.nic_out) + at(p.nic_in),
                     nvl_hot = at(p.nvlink_out) + at(p.nvlink_in);
        const double mean_share =
            fold_ && nic_hot + nvl_hot > 0
                ? (mean(p.nic_out) + mean(p.nic_in) + mean(p.nvlink_out) + mean(p.nvlink_in)) /
                      (nic_hot + nvl_hot)
                : 1;
        if (outwards)
            ported(demands, g.lanes[l], at(p.nic_out), at(p.nic_in), at(p.nvlink_out),
                   at(p.nvlink_in), payload, mean_share, cost);
        else
            ported(demands, g.lanes[l], at(p.nic_in), at(p.nic_out), at(p.nvlink_in),
                   at(p.nvlink_out), payload, mean_share, cost);
        if (what == Exchange::dispatch || what == Exchange::dispatch_gradient)
            ship(demands, g.lanes[l], l, load_, backward, cost);
        streams.push_back(g.lanes[l].ep);
        const auto mine = gather(g, l, after);
        ids.insert(ids.end(), mine.begin(), mine.end());
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    const std::uint16_t id = out.graph.add_op(std::string{titles[static_cast<int>(what)]} +
                                              (contended ? " (beside compute)" : ""));
    const double latency = cost.startup_s * s.what_if.latency + before->second;
    Step step;
    step.shared = true;
    step.first = out.graph.add_transfer(streams, latency, 0, demands,
                                        {Kind::ep, id, item.layer, micro_batch, g.unit}, ids);
    std::array<double, 4> ground{};
    ground[static_cast<std::size_t>(cost.evidence)] =
        out.graph.alone_seconds(out.graph.tasks[step.first]);
    add_ground(id, ground, cost.rel_error,
               static_cast<double>(width_) * static_cast<double>(g.lanes.size()));
    if (what == Exchange::dispatch) sample(item, micro_batch, load_);
    turn_[static_cast<std::size_t>(&g - groups.data())] = step;
    return step;
}

Step Builder::tensor(Group& g, const Item& item, int micro_batch, bool contended,
                     std::initializer_list<Step> after) {
    const int t = s.parallel.tensor;
    const double bytes = s.tokens_per_rank() * t * s.model.hidden * 2;
    topologies::TransferCost cost = s.profile.transfer("nccl.all_gather", bytes, contended);
    cost.slowdown = 1 + (cost.slowdown - 1) * s.what_if.contention;
    const std::uint16_t id = out.graph.add_op("tensor-parallel gather or scatter");
    std::vector<sim::Demand> demands;
    std::vector<sim::StreamId> streams;
    std::vector<TaskId> ids;
    for (std::size_t l = 0; l < g.lanes.size(); ++l) {
        const double sent = bytes * (t - 1) / t;
        const bool inside = t <= s.cluster.gpus_per_node();
        ported(demands, g.lanes[l], inside ? 0 : sent, inside ? 0 : sent, inside ? sent : 0,
               inside ? sent : 0, 1, 1, cost);
        streams.push_back(g.lanes[l].tp);
        const auto mine = gather(g, l, after);
        ids.insert(ids.end(), mine.begin(), mine.end());
    }
    Step step;
    step.shared = true;
    step.first = out.graph.add_transfer(streams, cost.startup_s * s.what_if.latency, 0, demands,
                                        {Kind::tp, id, item.layer, micro_batch, g.unit}, ids);
    std::array<double, 4> ground{};
    ground[static_cast<std::size_t>(cost.evidence)] =
        out.graph.alone_seconds(out.graph.tasks[step.first]);
    add_ground(id, ground, cost.rel_error, static_cast<double>(width_));
    turn_[static_cast<std::size_t>(&g - groups.data())] = step;
    return step;
}

Step Builder::send(Group& from, Group& to, int what, int micro_batch,
                   std::initializer_list<Step> after) {
    const double bytes = s.tokens_per_rank() * s.model.hidden * 2;
    const topologies::TransferCost cost = s.profile.transfer("p2p", bytes, false);
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
        const sim::Demand demand{out.graph.add_path(path), bytes, bytes / rate};
        const double latency = cost.startup_s * s.what_if.latency;
        const TaskId task = out.graph.add_transfer(streams, latency, 0, {&demand, 1},
                                                   {Kind::pp, id, -1, micro_batch, from.unit},
                                                   gather(from, l, after));
        if (l == 0) step.first = task;
        std::array<double, 4> ground{};
        ground[static_cast<std::size_t>(cost.evidence)] = latency + demand.wire_seconds;
        add_ground(id, ground, cost.rel_error, static_cast<double>(width_));
    }
    turn_[static_cast<std::size_t>(&from - groups.data())] = step;
    return step;
}

Step Builder::reduce(std::span<Group* const> who, const std::string& collective, double bytes,
                     int ranks, int per_node, std::initializer_list<Step> after,
                     const char* title) {
    if (ranks <= 1 || bytes <= 0) return after.size() > 0 ? *after.begin() : Step{};
    const topologies::TransferCost cost = s.profile.transfer(collective, bytes, false);
    const std::uint16_t id = out.graph.add_op(title);
    const int nodes = (ranks + per_node - 1) / per_node;
    // A ring over all ranks crosses each node boundary once per byte; the node's NICs share it.
    const double nvlink = per_node > 1 ? bytes * (ranks - 1) / ranks : 0;
    const double nic = nodes > 1 ? bytes / per_node * (nodes - 1) / nodes : 0;
    std::vector<sim::Demand> demands;
    std::vector<sim::StreamId> streams;
    std::vector<TaskId> ids;
    std::uint32_t unit = sim::kNone;
    for (Group* g : who)
        for (std::size_t l = 0; l < g->lanes.size(); ++l) {
            ported(demands, g->lanes[l], nic, nic, nvlink, nvlink, 1, 1, cost);
            streams.push_back(g->lanes[l].dp);
            const auto mine = gather(*g, l, after);
            ids.insert(ids.end(), mine.begin(), mine.end());
            // What comes last on the lane's own compute stream must be done.
            const auto& order = out.graph.stream_tasks[g->lanes[l].compute];
            if (!order.empty()) ids.push_back(order.back());
            unit = g->unit;
        }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    Step step;
    step.shared = true;
    step.first = out.graph.add_transfer(streams, cost.startup_s * s.what_if.latency, 0, demands,
                                        {Kind::dp, id, -1, -1, unit}, ids);
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
