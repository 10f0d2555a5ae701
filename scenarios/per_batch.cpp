#include "scenarios/per_batch.hpp"

#include <algorithm>
#include <numeric>

namespace moesim::scenarios {
namespace {

using Rows = std::vector<std::vector<double>>;

std::vector<double> per_expert(const Rows& rows) {
    std::vector<double> out(rows.front().size(), 0.0);
    for (const auto& source : rows)
        for (std::size_t e = 0; e < out.size(); ++e) out[e] += source[e];
    return out;
}

std::vector<std::size_t> by_load(const std::vector<double>& load) {
    std::vector<std::size_t> order(load.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return load[a] > load[b]; });
    return order;
}

const models::MoeFfn& moe_of(const models::Model& model) {
    const auto at = std::find_if(model.kinds.begin(), model.kinds.end(),
                                 [](const models::Layer& l) { return l.moe.has_value(); });
    return *at->moe;
}

/// Ratios of time that decide whether a move pays, in rows of expert work: what a copy on the NIC
/// and the weights of an expert cost. Peaks only; the simulation prices the outcome with the
/// profile.
struct Prices {
    explicit Prices(const Scenario& s) {
        const models::MoeFfn& moe = moe_of(s.model);
        const double matrices = moe.gated ? 3 : 2;
        const double row = 2 * matrices * moe.payload(s.model.hidden) * moe.width /
                           s.cluster.device().peak_of("bf16").si();
        const double nic =
            s.cluster.nic_out(0) >= 0
                ? s.cluster.links()[static_cast<std::size_t>(s.cluster.nic_out(0))].capacity.si()
                : 450e9;
        copy = 2.0 * moe.payload(s.model.hidden) / nic / row;
        weights = matrices * moe.payload(s.model.hidden) * moe.width * 2 / nic / row;
    }
    double copy, weights;  // in rows
};

/// One expert's weights from a member to another.
void ship(topologies::PortLoads& ports, std::size_t from, std::size_t to,
          const std::vector<int>& node, double copies = 1) {
    const bool inside = node[from] == node[to];
    (inside ? ports.nvlink_out : ports.nic_out)[from] += copies;
    (inside ? ports.nvlink_in : ports.nic_in)[to] += copies;
}

/// FasterMoE: the hottest experts are copied to everybody, whose tokens for them then stay at home.
/// In order of load, while the drop of 3 x the greatest compute + 4 x the greatest exchange exceeds
/// a broadcast of the weights and a reduction of the gradients.
/// Source: He et al., PPoPP 2022, section 4.2 (cost model), as far as it is known to us.
void shadow(ExchangeLoad& load, const Rows& rows,
            const std::vector<std::vector<SlotMap::Replica>>& experts, const std::vector<int>& node,
            const Prices& price) {
    const std::vector<double> total = per_expert(rows);
    std::vector<double> arriving = load.ports.nic_in;
    const auto cost = [&] {
        return 3 * *std::max_element(load.rows.begin(), load.rows.end()) +
               4 * price.copy * *std::max_element(arriving.begin(), arriving.end());
    };
    for (const std::size_t e : by_load(total)) {
        const double before = cost();
        const std::vector<double> rows_before = load.rows, arriving_before = arriving;
        const auto owner = static_cast<std::size_t>(experts[e].front().member);
        load.rows[owner] -= total[e];
        const double remote = total[e] - rows[owner][e];
        const double whole = load.rows[owner] + total[e];
        if (whole > 0) arriving[owner] *= 1 - std::min(1.0, remote / whole);
        for (std::size_t s = 0; s < rows.size(); ++s) load.rows[s] += rows[s][e];
        if (before - cost() <= 2 * price.weights) {
            load.rows = rows_before;
            arriving = arriving_before;
            return;
        }
        // A broadcast passes each byte into every member once and out of the owner's node once.
        for (std::size_t s = 0; s < rows.size(); ++s)
            if (s != owner) {
                const bool inside = node[s] == node[owner];
                (inside ? load.shipped.nvlink_in : load.shipped.nic_in)[s] += 1;
            }
        load.shipped.nic_out[owner] += 1;
        const double kept =
            arriving_before[owner] > 0 ? arriving[owner] / arriving_before[owner] : 1;
        for (auto* port : {&load.ports.nic_in, &load.ports.nvlink_in}) (*port)[owner] *= kept;
        load.unique[owner] *= kept;
    }
}

/// LLEP: members above `threshold` x mean spill rows above `capacity` x mean to the least loaded,
/// in chunks of at least `chunk` rows of one expert, whose weights go along. Source:
/// arXiv:2601.17111.
void spill(ExchangeLoad& load, const Rows& rows,
           const std::vector<std::vector<SlotMap::Replica>>& experts, const std::vector<int>& node,
           const PlacementPlan& plan) {
    const double average = mean(load.rows);
    if (max_over_mean(load.rows) <= plan.spill_threshold) return;
    const double capacity = plan.spill_capacity * average;
    std::vector<double> left = per_expert(rows);
    const std::vector<double> rows_before = load.rows;
    for (const std::size_t e : by_load(left)) {
        const auto owner = static_cast<std::size_t>(experts[e].front().member);
        while (load.rows[owner] > capacity && left[e] >= plan.spill_chunk) {
            const auto to = static_cast<std::size_t>(
                std::min_element(load.rows.begin(), load.rows.end()) - load.rows.begin());
            const double moved =
                std::min({left[e], load.rows[owner] - capacity, capacity - load.rows[to]});
            if (to == owner || moved < plan.spill_chunk) break;
            load.rows[owner] -= moved;
            load.rows[to] += moved;
            left[e] -= moved;
            ship(load.shipped, owner, to, node);
        }
    }
    for (std::size_t r = 0; r < load.rows.size(); ++r) {
        if (rows_before[r] <= 0) continue;
        const double factor = load.rows[r] / rows_before[r];
        for (auto* port : {&load.ports.nic_in, &load.ports.nvlink_in, &load.unique})
            (*port)[r] *= factor;
    }
}

}  // namespace

std::vector<SlotMap::Replica> nearest_replicas(const std::vector<SlotMap::Replica>& replicas,
                                               int source, const std::vector<int>& node,
                                               bool one_only) {
    const auto at = static_cast<std::size_t>(source);
    std::vector<SlotMap::Replica> out;
    for (const SlotMap::Replica& r : replicas)
        if (r.member == source) out.push_back(r);
    if (out.empty())
        for (const SlotMap::Replica& r : replicas)
            if (node[static_cast<std::size_t>(r.member)] == node[at]) out.push_back(r);
    if (out.empty()) out = replicas;
    if (one_only) out = {out[at % out.size()]};
    double shares = 0;
    for (const SlotMap::Replica& r : out) shares += r.share;
    for (SlotMap::Replica& r : out)
        r.share = shares > 0 ? r.share / shares : 1.0 / static_cast<double>(out.size());
    return out;
}

void rearrange(ExchangeLoad& load, const Rows& expert_rows,
               const std::vector<std::vector<SlotMap::Replica>>& experts,
               const std::vector<int>& node, const Scenario& scenario) {
    const std::vector<double> none(load.rows.size(), 0.0);
    load.shipped = {none, none, none, none};
    if (scenario.placement.per_batch == "shadowing")
        shadow(load, expert_rows, experts, node, Prices{scenario});
    else
        spill(load, expert_rows, experts, node, scenario.placement);
}

}  // namespace moesim::scenarios
