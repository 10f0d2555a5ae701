#include "scenarios/builder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace moesim::scenarios {

using sim::Kind;
using sim::Label;
using sim::TaskId;

Builder::Builder(const Scenario& scenario, bool fold) : s{scenario}, fold_{fold} {
    const Parallel& p = s.parallel;
    const int per_stage = p.per_stage(), group = p.expert_group();
    loads_ = std::make_unique<Loads>(s, s.grid.members({Axis::expert}));
    const int groups_per_stage = p.expert_data();
    std::vector<AlikeGroups> alike = alike_groups(s);
    if (!fold) {
        alike.clear();
        for (int replica = 0; replica < groups_per_stage; ++replica) alike.push_back({replica, 1});
    }
    replicas_ = static_cast<int>(alike.size());
    width_ = fold && (loads_->differ() || members_differ(s)) ? group : 1;
    stands_for_ = fold ? static_cast<double>(per_stage) / replicas_ / width_ : 1;
    take_turns = s.what_if.overlap == 0;
    if (s.routing) {
        const ExchangeLoad any = loads_->get(0, 0, 0, false);
        mean_rows_ = mean(any.rows);
        unique_per_row_ = mean(any.unique) / mean_rows_;
    }
    costs_ = std::make_unique<DeviceCosts>(s, s.routing ? loads_->slots_per_member() : 0,
                                           mean_rows_, unique_per_row_);
    const int lanes = fold ? 1 : group;
    for (int replica = 0; replica < replicas_; ++replica)
        for (int rank = 0; rank < p.pipeline; ++rank) {
            Group g;
            g.rank = rank;
            g.replica = replica;
            const auto& [first, count] = alike[static_cast<std::size_t>(replica)];
            g.number = first;
            const double stands_for = fold ? static_cast<double>(count) * group / width_ : 1;
            for (int l = 0; l < lanes; ++l) {
                Lane lane;
                const auto width = static_cast<std::uint32_t>(width_);
                lane.gpu = gpu(g, static_cast<std::size_t>(l));
                const std::string title = fold && replicas_ == 1
                                              ? fmt::format("rank {}", rank)
                                              : fmt::format("rank {}.{}", rank, first * group + l);
                lane.rank_class = out.graph.add_rank_class(title, width, stands_for);
                lane.compute = out.graph.add_stream({"compute", lane.rank_class, width, true});
                lane.ep = out.graph.add_stream({"ep", lane.rank_class, width, false});
                lane.tp = out.graph.add_stream({"tp", lane.rank_class, width, false});
                lane.dp = out.graph.add_stream({"dp", lane.rank_class, width, false});
                if (p.context > 1)
                    lane.cp = out.graph.add_stream({"cp", lane.rank_class, width, false});
                out.pipeline_rank.push_back(rank);
                out.first_gpu.push_back(lane.gpu);
                out.standing.emplace_back();
                g.lanes.push_back(lane);
            }
            groups.push_back(std::move(g));
            turn_.emplace_back();
        }
    out.fold =
        !fold           ? "off"
        : replicas_ > 1 ? fmt::format(
                              "each simulated rank class stands for the ranks of groups of equal "
                              "hardware, {} kinds of group among {}",
                              replicas_, groups_per_stage)
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
    for (const Step& step : after) step.add_to(ids, lane);
    if (take_turns) {
        const Step& last = turn_[static_cast<std::size_t>(&g - groups.data())];
        if (last.first != sim::kNone) ids.push_back(last.of(lane));
    }
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
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

Step Builder::work(Group& g, const Item& item, Segment segment, double beside, int micro_batch,
                   std::initializer_list<Step> after, double part) {
    const bool contended = beside > 0;
    const SegmentCost& cost = costs_->usual().get(item, segment, contended);
    // Tiles of a fused kernel cost their share of it; parts in kernels of their own cost more.
    const double whole = s.tiles ? part : 1;
    if (s.tiles) part = 1;
    const double total = std::accumulate(cost.ground.begin(), cost.ground.end(), 0.0);
    if (total == 0) return after.size() > 0 ? *after.begin() : Step{};
    static constexpr const char* items[] = {"embedding", "", "mtp projection", "head"};
    const std::string title = item.type == Item::Type::layer
                                  ? std::string{name(segment)}
                                  : fmt::format("{} {}", items[static_cast<int>(item.type)],
                                                std::string{name(segment)}.substr(4));
    const std::uint16_t id = out.graph.add_op(title + (contended ? " (beside transfers)" : ""));
    const bool backward = segment != Segment::ffn_forward && segment != Segment::attention_forward;
    const Step before = after.size() > 0 ? *after.begin() : Step{};
    // How many rows each expert gets is read back before the experts can be launched.
    const bool reads_back = segment == Segment::ffn_forward && item.moe_layer >= 0 &&
                            s.parallel.expert > 1 && s.dispatcher->host_waits() && !goes_on &&
                            !s.routing->padded() && !s.cuda_graphs.full;
    const bool mixed = contended && beside < 1;
    const SegmentCost* alone = mixed ? &costs_->usual().get(item, segment, false) : nullptr;
    Step step;
    double seconds = 0;
    for (std::size_t l = 0; l < g.lanes.size(); ++l) {
        std::uint32_t values = 0;
        if (cost.depends_on_rows() || !s.cluster.uniform()) {
            static const std::vector<double> none;
            const std::vector<double>& rows =
                cost.depends_on_rows() ? load(item, micro_batch, g.replica, backward).rows : none;
            const auto on = [&](int gpu, std::size_t member) {
                const double r = rows.empty() ? 0 : rows[member];
                const double slow = costs_->seconds(gpu, cost, item, segment, contended, r, part);
                if (!mixed) return whole * slow;
                return whole *
                       (beside * slow +
                        (1 - beside) * costs_->seconds(gpu, *alone, item, segment, false, r, part));
            };
            std::vector<double> each;
            if (!fold_)
                each.push_back(on(g.lanes[l].gpu, l));
            else
                for (int m = 0; m < width_; ++m)
                    each.push_back(
                        on(gpu(g, static_cast<std::size_t>(m)), static_cast<std::size_t>(m)));
            seconds += fold_ ? mean(each) * width_ : each.front() * width_;
            values = out.graph.add_values(std::move(each));
        } else {
            const auto [at, fresh] = constant_.try_emplace(&cost, 0u);
            if (fresh) at->second = out.graph.add_values(cost.seconds);
            const double share = part * whole;
            double once = cost.seconds.front();
            if (mixed) once = beside * once + (1 - beside) * alone->seconds.front();
            values = share == 1 && !mixed ? at->second : out.graph.add_values({once * share});
            seconds += once * share * width_;
        }
        const TaskId task = out.graph.add_work(
            g.lanes[l].compute, values, cost.gap * whole,
            {Kind::compute, id, item.layer, micro_batch, g.unit}, gather(g, l, {before, g.hold}),
            {cost.issue * whole, reads_back, s.host.read_back_s});
        if (l == 0) step.first = task;
    }
    add_ground(id, cost.ground, cost.rel_error, seconds / total);
    const double stands_for = out.graph.rank_classes[g.lanes.front().rank_class].stands_for;
    for (const auto& [kernel, t] : cost.kernels)
        out.kernel_seconds[kernel] += t * (seconds / total) * stands_for / s.gpus;
    out.contended_seconds += beside * seconds;
    turn_[static_cast<std::size_t>(&g - groups.data())] = step;
    return step;
}

}  // namespace moesim::scenarios
