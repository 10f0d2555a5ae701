#include "scenarios/builder.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim::scenarios {

using sim::Kind;
using sim::TaskId;

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

}  // namespace moesim::scenarios
