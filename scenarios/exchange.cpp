#include "scenarios/builder.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim::scenarios {

using sim::Kind;
using sim::TaskId;

namespace {

topologies::Pattern pattern(const std::string& dispatcher) {
    if (dispatcher == "allgather") return topologies::Pattern::ring;
    const bool direct =
        dispatcher == "alltoall" || dispatcher == "deepep_ll" || dispatcher == "nvlink";
    return direct ? topologies::Pattern::direct : topologies::Pattern::same_rail;
}

}  // namespace

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
    const auto samples = static_cast<double>(out.loads.size());
    out.dropped_share = dropped_ / samples;
    out.dropped_weight_share += (load.dropped_weight - out.dropped_weight_share) / samples;
    for (const double dropped : load.dropped_at)
        out.dropped_worst = std::max(out.dropped_worst, dropped);
}

std::vector<Builder::Sent> Builder::exchanged(const Group& g, const Item& item, Exchange what,
                                              double beside, int micro_batch, double part) {
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
    const double payload = part * s.dispatcher->wire_bytes(moe.payload(s.model.hidden) *
                                                               (format.bytes + format.scale_bytes),
                                                           moe.routed_choices());
    const ExchangeLoad& load_ = load(item, micro_batch, g.replica, backward);
    const auto [before, fresh] = stream_seconds_.try_emplace(stream_segment, 0.0);
    if (fresh) {
        before->second =
            costs_->stream_seconds(stream_segment, mean_rows_, mean_rows_ * unique_per_row_);
        // Rows brought into another order at home: read and written.
        const double home = 2.0 * s.dispatcher->local_copies() * s.tokens_per_rank() * moe.top_k;
        if (home > 0)
            before->second +=
                s.profile
                    .memory({"permute", home * payload / part, s.dispatcher->local_copies()}, false)
                    .seconds /
                s.what_if.memory_bound;
    }
    std::vector<Sent> sent;
    for (std::size_t i = 0; i < load_.phase_count(); ++i) {
        const std::size_t phase = outwards ? i : load_.phase_count() - 1 - i;
        const topologies::TransferCost cost =
            exchange_cost(name, load_.phase(phase), payload / (s.tiles ? part : 1), beside);
        std::vector<sim::Demand> demands;
        if (load_.flows.empty())
            for (std::size_t l = 0; l < g.lanes.size(); ++l)
                through_ports(demands, g.lanes[l], l, load_.phase(phase), outwards, payload, cost);
        else
            pairwise(demands, g, load_.flows[phase], outwards, payload, cost);
        if (i == 0 && (what == Exchange::dispatch || what == Exchange::dispatch_gradient))
            for (std::size_t l = 0; l < g.lanes.size(); ++l)
                ship(demands, g.lanes[l], l, load_, backward, cost);
        const topologies::PortLoads& p = load_.phase(phase);
        const double relayed =
            beyond_ports(demands, g, 0, {{Axis::expert}, pattern(s.dispatcher_name)},
                         mean(p.nic_out) * payload, mean(p.nvlink_out) * payload, cost);
        sent.push_back({relayed + cost.startup_s * s.what_if.latency * (s.tiles ? part : 1) +
                            (i == 0 ? before->second * part : 0.0),
                        std::move(demands), cost});
    }
    return sent;
}

Step Builder::exchange(Group& g, const Item& item, Exchange what, double beside, int micro_batch,
                       std::initializer_list<Step> after, double part) {
    if (s.parallel.expert == 1) return after.size() > 0 ? *after.begin() : Step{};  // all at home
    static constexpr const char* titles[] = {"dispatch", "combine", "combine gradient",
                                             "dispatch gradient"};
    std::vector<sim::StreamId> streams;
    std::vector<TaskId> ids;
    for (std::size_t l = 0; l < g.lanes.size(); ++l) {
        streams.push_back(g.lanes[l].ep);
        const auto mine = gather(g, l, after);
        ids.insert(ids.end(), mine.begin(), mine.end());
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    const std::uint16_t id = out.graph.add_op(std::string{titles[static_cast<int>(what)]} +
                                              (beside > 0 ? " (beside compute)" : ""));
    Step step;
    step.shared = true;
    for (const Sent& sent : exchanged(g, item, what, beside, micro_batch, part)) {
        step.first = out.graph.add_transfer(streams, sent.latency, 0, sent.demands,
                                            {Kind::ep, id, item.layer, micro_batch, g.unit}, ids);
        ids = {step.first};
        std::array<double, 4> ground{};
        ground[static_cast<std::size_t>(sent.cost.evidence)] =
            out.graph.alone_seconds(out.graph.tasks[step.first]);
        add_ground(id, ground, sent.cost.rel_error,
                   static_cast<double>(width_) * static_cast<double>(g.lanes.size()));
    }
    if (what == Exchange::dispatch)
        sample(item, micro_batch, load(item, micro_batch, g.replica, false));
    turn_[static_cast<std::size_t>(&g - groups.data())] = step;
    return step;
}

topologies::TransferCost Builder::exchange_cost(const std::string& name,
                                                const topologies::PortLoads& p, double payload,
                                                double beside) const {
    topologies::TransferQuery query;
    query.collective = name;
    query.nic_bytes = mean(p.nic_out) * payload;
    query.nvlink_bytes = mean(p.nvlink_out) * payload;
    query.contended = beside > 0;
    query.ranks = s.parallel.expert;
    query.nodes = query.nic_bytes > 0 ? loads_->nodes() : 1;
    query.sms = s.dispatcher_sms > 0 ? s.dispatcher_sms : s.dispatcher->sms();
    topologies::TransferCost cost = s.profile.transfer(query);
    cost.slowdown = 1 + (cost.slowdown - 1) * s.what_if.contention * beside;
    return cost;
}

void Builder::through_ports(std::vector<sim::Demand>& demands, const Lane& lane, std::size_t l,
                            const topologies::PortLoads& p, bool outwards, double payload,
                            const topologies::TransferCost& cost) {
    const auto at = [&](const std::vector<double>& v) { return fold_ ? hottest(v) : v[l]; };
    const double nic_hot = at(p.nic_out) + at(p.nic_in),
                 nvl_hot = at(p.nvlink_out) + at(p.nvlink_in);
    const double mean_share =
        fold_ && nic_hot + nvl_hot > 0
            ? (mean(p.nic_out) + mean(p.nic_in) + mean(p.nvlink_out) + mean(p.nvlink_in)) /
                  (nic_hot + nvl_hot)
            : 1;
    if (outwards)
        ported(demands, lane, at(p.nic_out), at(p.nic_in), at(p.nvlink_out), at(p.nvlink_in),
               payload, mean_share, cost);
    else
        ported(demands, lane, at(p.nic_in), at(p.nic_out), at(p.nvlink_in), at(p.nvlink_out),
               payload, mean_share, cost);
}

/// One flow for each pair that has something to send, from port to port. Folded groups have all
/// their members' ports.
void Builder::pairwise(std::vector<sim::Demand>& demands, const Group& g,
                       const topologies::Flows& flows, bool outwards, double payload,
                       const topologies::TransferCost& cost) {
    const auto gpu = [&](std::size_t member) {
        return fold_ ? this->gpu(g, member) : g.lanes[member].gpu;
    };
    for (std::size_t s_ = 0; s_ < flows.ranks; ++s_)
        for (std::size_t d = 0; d < flows.ranks; ++d) {
            const double copies = outwards ? flows.at(s_, d) : flows.at(d, s_);
            if (copies <= 0) continue;
            const int a = gpu(s_), b = gpu(d);
            const bool inside = s.cluster.node_of(a) == s.cluster.node_of(b);
            const double factor = inside ? s.what_if.nvlink : s.what_if.nic;
            const int ports[] = {inside ? s.cluster.nvlink_out(a) : s.cluster.nic_out(a),
                                 inside ? s.cluster.nvlink_in(b) : s.cluster.nic_in(b)};
            std::vector<sim::LinkId> path;
            double narrowest = 0;
            for (const int port : ports) {
                if (port < 0) continue;
                path.push_back(link(port, factor, fold_ ? static_cast<int>(flows.ranks) : 1));
                const double rate = out.graph.links[path.back()].capacity.si();
                narrowest = path.size() == 1 ? rate : std::min(narrowest, rate);
            }
            if (path.empty()) continue;
            const double rate = narrowest * (inside ? cost.nvlink_share : cost.nic_share);
            demands.push_back({out.graph.add_path(path), copies * payload,
                               copies * payload / rate * cost.slowdown});
        }
}

}  // namespace moesim::scenarios
