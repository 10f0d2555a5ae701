#include "scenarios/builder.hpp"
#include "topologies/fabric_load.hpp"

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
    const double payload = s.dispatcher->wire_bytes(
        moe.payload(s.model.hidden) * (format.bytes + format.scale_bytes), moe.routed_choices());
    const ExchangeLoad& load_ = load(item, micro_batch, g.replica, backward);
    const auto [before, fresh] = stream_seconds_.try_emplace(stream_segment, 0.0);
    if (fresh) {
        before->second =
            costs_->stream_seconds(stream_segment, mean_rows_, mean_rows_ * unique_per_row_);
        // Rows brought into another order at home: read and written.
        const double home = 2.0 * s.dispatcher->local_copies() * s.tokens_per_rank() * moe.top_k;
        if (home > 0)
            before->second +=
                s.profile.memory({"permute", home * payload, s.dispatcher->local_copies()}, false)
                    .seconds /
                s.what_if.memory_bound;
    }

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
                                              (contended ? " (beside compute)" : ""));
    Step step;
    step.shared = true;
    for (std::size_t i = 0; i < load_.phase_count(); ++i) {
        const std::size_t phase = outwards ? i : load_.phase_count() - 1 - i;
        const topologies::TransferCost cost =
            exchange_cost(name, load_.phase(phase), payload, contended);
        std::vector<sim::Demand> demands;
        if (load_.flows.empty())
            for (std::size_t l = 0; l < g.lanes.size(); ++l)
                through_ports(demands, g.lanes[l], l, load_.phase(phase), outwards, payload, cost);
        else
            pairwise(demands, g, load_.flows[phase], outwards, payload, cost);
        if (i == 0 && (what == Exchange::dispatch || what == Exchange::dispatch_gradient))
            for (std::size_t l = 0; l < g.lanes.size(); ++l)
                ship(demands, g.lanes[l], l, load_, backward, cost);
        const Narrow& n = narrow(g);
        const topologies::PortLoads& p = load_.phase(phase);
        const double port_bytes = mean(n.scale_up ? p.nvlink_out : p.nic_out) * payload;
        const double relayed =
            n.relay_s * port_bytes / cost.nvlink_share / s.what_if.nvlink * cost.slowdown;
        if (n.physical >= 0 && port_bytes > 0) {
            const double bytes = n.per_byte * port_bytes;
            const double rate = out.graph.links[n.link].capacity.si() *
                                (n.scale_up ? cost.nvlink_share : cost.nic_share);
            demands.push_back({out.graph.add_path({n.link}), bytes, bytes / rate * cost.slowdown});
        }
        const double latency =
            relayed + cost.startup_s * s.what_if.latency + (i == 0 ? before->second : 0.0);
        step.first = out.graph.add_transfer(streams, latency, 0, demands,
                                            {Kind::ep, id, item.layer, micro_batch, g.unit}, ids);
        ids = {step.first};
        std::array<double, 4> ground{};
        ground[static_cast<std::size_t>(cost.evidence)] =
            out.graph.alone_seconds(out.graph.tasks[step.first]);
        add_ground(id, ground, cost.rel_error,
                   static_cast<double>(width_) * static_cast<double>(g.lanes.size()));
    }
    if (what == Exchange::dispatch) sample(item, micro_batch, load_);
    turn_[static_cast<std::size_t>(&g - groups.data())] = step;
    return step;
}

topologies::TransferCost Builder::exchange_cost(const std::string& name,
                                                const topologies::PortLoads& p, double payload,
                                                bool contended) const {
    topologies::TransferQuery query;
    query.collective = name;
    query.nic_bytes = mean(p.nic_out) * payload;
    query.nvlink_bytes = mean(p.nvlink_out) * payload;
    query.contended = contended;
    query.ranks = s.parallel.expert;
    query.nodes = query.nic_bytes > 0 ? loads_->nodes() : 1;
    query.sms = s.dispatcher_sms > 0 ? s.dispatcher_sms : s.dispatcher->sms();
    topologies::TransferCost cost = s.profile.transfer(query);
    cost.slowdown = 1 + (cost.slowdown - 1) * s.what_if.contention;
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

/// Source: the graph of the cluster, see topologies/fabric_load.hpp. Balanced routing decides which
/// link is the narrowest; skew scales with the mean bytes only.
Builder::Narrow& Builder::narrow(const Group& g) {
    const auto index = fold_ ? 0 : static_cast<std::size_t>(&g - groups.data());
    const auto [at, fresh] = narrow_.try_emplace(index);
    Narrow& out_ = at->second;
    if (!fresh || s.parallel.expert == 1 || s.parallel.expert_tensor > 1) return out_;
    constexpr int kWindow = 1024;  // GPUs of the groups around
    const int first = g.rank * s.parallel.per_stage();
    std::vector<int> members;
    for (int m = 0; m < s.parallel.expert; ++m) members.push_back(g.lanes.front().gpu + m);
    const std::string& name = s.dispatcher_name;
    const topologies::Pattern pattern =
        name == "allgather" ? topologies::Pattern::ring
        : name == "alltoall" || name == "deepep_ll" || name == "nvlink"
            ? topologies::Pattern::direct
            : topologies::Pattern::same_rail;
    const topologies::FabricLoad load = topologies::concurrent_load(
        s.cluster, members, first, std::min(s.parallel.per_stage(), kWindow), 1e9, pattern);
    out_.scale_up = loads_->nodes() < 2;
    const topologies::ClassLoad* port = load.find(out_.scale_up ? "nvlink" : "nic");
    if (port == nullptr || port->bytes <= 0) return out_;
    out_.relay_s = out_.scale_up ? 0 : load.relayed_seconds / port->bytes;
    const topologies::ClassLoad* most = nullptr;
    for (const topologies::ClassLoad& c : load.classes)
        if (c.cls != "nic" && c.cls != "nvlink" && (!most || c.seconds > most->seconds)) most = &c;
    if (most == nullptr || most->seconds <= port->seconds * (1 + 1e-9)) return out_;
    out_.physical = static_cast<int>(most->link);
    out_.per_byte = most->bytes / port->bytes;
    const topologies::PhysicalLink& p = s.cluster.links()[most->link];
    out_.link = out.graph.add_link({fmt::format("{} {}->{}", p.cls, p.from, p.to), p.cls,
                                    p.capacity * (out_.scale_up ? s.what_if.nvlink : s.what_if.nic),
                                    stands_for_ * width_});
    return out_;
}

/// One flow for each pair that has something to send, from port to port. Folded groups have all
/// their members' ports.
void Builder::pairwise(std::vector<sim::Demand>& demands, const Group& g,
                       const topologies::Flows& flows, bool outwards, double payload,
                       const topologies::TransferCost& cost) {
    const auto gpu = [&](std::size_t member) {
        return fold_ ? g.lanes.front().gpu + static_cast<int>(member) : g.lanes[member].gpu;
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
