#include "scenarios/weight_traffic.hpp"

#include <algorithm>

namespace moesim::scenarios {
namespace {

double bucket(int ranks) { return std::max(40e6, 1e6 * ranks); }

}  // namespace

WeightTraffic::WeightTraffic(Builder& b, const std::vector<std::vector<Item>>& stages,
                             std::vector<std::map<int, int>> passes)
    : b_{b}, stages_{stages} {
    for (const std::vector<Item>& stage : stages) {
        parts_.emplace_back();
        RankParameters before;
        for (std::size_t i = 0; i < stage.size(); ++i) {
            const RankParameters with =
                rank_parameters(b.s, {stage.begin(), stage.begin() + static_cast<long>(i) + 1});
            parts_.back().push_back({with.shared - before.shared, with.routed - before.routed});
            before = with;
        }
    }
    for (const Group& g : b.groups)
        for (const auto& [stage, count] : passes[static_cast<std::size_t>(g.rank)])
            left_[{index(g), stage}] = count;
}

Step WeightTraffic::gather(Group& g, Part p, Step after) {
    const Among dense = dense_replicas(b_.s), experts = expert_replicas(b_.s);
    Group* const who[] = {&g};
    const double bytes = b_.s.recipe.gather_bytes;
    const Step first = b_.reduce(who, "nccl.all_gather", p.shared * bytes, dense, {after},
                                 "parameter gather", false);
    return b_.reduce(who, "nccl.all_gather", p.routed * bytes, experts, {first}, "parameter gather",
                     false);
}

Step WeightTraffic::scatter(Group& g, Part p, Step after) {
    const bool sharded = b_.s.optimizer != "replicated";
    const char* collective = sharded ? "nccl.reduce_scatter" : "nccl.all_reduce";
    const double bytes = b_.s.recipe.reduce_bytes * (sharded ? 1 : 2);
    const Among dense = dense_replicas(b_.s), experts = expert_replicas(b_.s);
    Group* const who[] = {&g};
    const Step first =
        b_.reduce(who, collective, p.shared * bytes, dense, {after}, "gradient reduction", false);
    return b_.reduce(who, collective, p.routed * bytes, experts, {after.with(first)},
                     "gradient reduction", false);
}

void WeightTraffic::begin() {
    if (!b_.s.overlap.param_gather || !b_.s.gathers_weights()) return;
    const double dense = bucket(dense_replicas(b_.s).ranks),
                 experts = bucket(expert_replicas(b_.s).ranks);
    for (Group& g : b_.groups)
        for (const int stage : stages_on(b_.s, g.rank, static_cast<int>(stages_.size()))) {
            const auto& parts = parts_[static_cast<std::size_t>(stage)];
            Part sum;
            std::vector<int> items;
            for (std::size_t i = 0; i < parts.size(); ++i) {
                sum.shared += parts[i].shared;
                sum.routed += parts[i].routed;
                items.push_back(static_cast<int>(i));
                if (sum.shared < dense && sum.routed < experts && i + 1 < parts.size()) continue;
                const Step here = gather(g, sum, {});
                for (const int item : items) gathered_[{index(g), stage, item}] = here;
                items.clear();
                sum = {};
            }
        }
}

/// The weights of an item; asked for before, or now.
Step WeightTraffic::fetch(Group& g, const Item& item, bool backward, Step after) {
    const std::array<int, 4> key{index(g), item.stage, item.index, backward};
    if (const auto at = fetched_.find(key); at != fetched_.end()) {
        const Step step = at->second;
        fetched_.erase(at);
        return step;
    }
    return gather(g, part(item), after);
}

Step WeightTraffic::enter(Group& g, const Item& item, bool backward, Step x) {
    if (b_.s.optimizer != "fsdp") {
        if (backward || forwards_[{index(g), item.stage}] != 1) return x;
        const auto at = gathered_.find({index(g), item.stage, item.index});
        return at == gathered_.end() ? x : x.with(at->second);
    }
    // What the item itself waits for, and what was computed last: the item is about to begin.
    const auto& order = b_.out.graph.stream_tasks[g.lanes.front().compute];
    Step now = x;
    if (!order.empty()) {
        const Step last{order.back(), false};
        b_.memory(g, last, true, MemoryClass::buffers, -held_[index(g)]);
        now = x.with(last);
    }
    const Step mine = fetch(g, item, backward, now);
    const int next = item.index + (backward ? -1 : 1);
    if (next >= 0 && next < static_cast<int>(stages_[static_cast<std::size_t>(item.stage)].size()))
        fetched_[{index(g), item.stage, next, backward}] = gather(
            g, parts_[static_cast<std::size_t>(item.stage)][static_cast<std::size_t>(next)], now);
    const double bytes = (part(item).shared + part(item).routed) * b_.s.recipe.weight_bytes;
    b_.memory(g, mine, false, MemoryClass::buffers, bytes);
    held_[index(g)] = bytes;
    return x.with(mine);
}

void WeightTraffic::leave(Group& g, const Item& item, Step done) {
    const Scenario& s = b_.s;
    const std::pair<int, int> key{index(g), item.stage};
    if (s.optimizer == "fsdp") {
        scatter(g, part(item), done);
        return;
    }
    const bool reduces = s.optimizer == "zero2" ||
                         (s.overlap.grad_reduce && s.optimizer != "none" && left_[key] == 0);
    if (!reduces) return;
    Part& sum = bucket_[key];
    sum.shared += part(item).shared;
    sum.routed += part(item).routed;
    if (item.index > 0 && sum.shared < bucket(dense_replicas(s).ranks) &&
        sum.routed < bucket(expert_replicas(s).ranks))
        return;
    scatter(g, sum, done);
    sum = {};
}

}  // namespace moesim::scenarios
