#include "scenarios/loads.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "models/group_limited.hpp"
#include "models/random.hpp"
#include "models/routing_modifiers.hpp"
#include "scenarios/meeting.hpp"
#include "scenarios/per_batch.hpp"

namespace moesim::scenarios {
namespace {

/// Micro-batches that placements are computed from lie beyond those of any run.
constexpr int kObservedFrom = 1 << 28;

double sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

double gauss(models::Random& random) {
    const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
    return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

/// What a token of a kind brings to every expert: rows, whatever the routing's rules. [experts]
std::vector<double> chosen(const models::Routing& routing, double top_k, int layer, int kind,
                           double tokens) {
    if (const auto assigned = routing.assigned(layer, kind, tokens)) {
        std::vector<double> out = assigned->rows;
        for (double& v : out) v /= tokens;
        return out;
    }
    std::vector<double> out = routing.layer(layer).share[static_cast<std::size_t>(kind)];
    for (double& v : out) v *= top_k;
    return out;
}

/// One by one, 1 where there is nothing to take a share of.
std::vector<double> share_of(const std::vector<double>& part, const std::vector<double>& whole) {
    std::vector<double> out;
    for (std::size_t i = 0; i < part.size(); ++i)
        out.push_back(whole[i] > 0 ? std::min(1.0, part[i] / whole[i]) : 1);
    return out;
}

/// What a source loses when it keeps these shares of what it asked each expert for.
void book_drops(const models::Routing& routing, const std::vector<double>& asked,
                const std::vector<double>& kept, double& dropped, double& weight) {
    const double all = sum(asked);
    dropped = weight = 0;
    for (std::size_t e = 0; all > 0 && e < asked.size(); ++e) {
        dropped += asked[e] / all * (1 - kept[e]);
        weight += asked[e] / all * routing.dropped_weight(1 - kept[e]);
    }
}

/// A routing of another number of MoE layers, experts, ... never reaches this: checked when read.
const models::MoeFfn& moe_of(const models::Model& model) {
    for (const models::Layer& layer : model.kinds)
        if (layer.moe) return *layer.moe;
    throw std::logic_error("a model with routing has experts");
}

}  // namespace

double mean(const std::vector<double>& v) {
    return v.empty() ? 0 : sum(v) / static_cast<double>(v.size());
}

double max_over_mean(const std::vector<double>& v) {
    const double m = mean(v);
    return m > 0 ? hottest(v) / m : 1;
}

double hottest(const std::vector<double>& v) { return *std::max_element(v.begin(), v.end()); }

SlotMap SlotMap::contiguous(int layers, int experts, int members) {
    static_cast<void>(layers);
    SlotMap out;
    out.slots_per_member_ = experts / members;
    out.layers_.emplace_back();
    for (int e = 0; e < experts; ++e)
        out.layers_.front().push_back({{e / out.slots_per_member_, 1.0}});
    return out;
}

SlotMap::SlotMap(const Placement& placement, int members,
                 const std::vector<std::vector<double>>& shares) {
    for (std::size_t l = 0; l < placement.phy2log.size(); ++l) {
        const int slots = static_cast<int>(placement.phy2log[l].size());
        slots_per_member_ = slots / members;
        layers_.emplace_back();
        for (const std::vector<int>& replicas : placement.log2phy[l]) {
            layers_.back().emplace_back();
            for (const int slot : replicas)
                layers_.back().back().push_back(
                    {slot / slots_per_member_, shares.empty()
                                                   ? 1.0 / static_cast<double>(replicas.size())
                                                   : shares[l][static_cast<std::size_t>(slot)]});
        }
    }
}

std::vector<std::vector<double>> observed_loads(const Scenario& s, int sources, int window) {
    const models::Routing& routing = *s.routing;
    std::vector<double> count(static_cast<std::size_t>(routing.kinds()), 0.0);
    for (int i = 0; i < s.placement.observed; ++i)
        for (const int kind :
             routing.kind_of_source(kObservedFrom + window * s.placement.observed + i, sources))
            count[static_cast<std::size_t>(kind)] += 1;
    const models::MoeFfn& moe = moe_of(s.model);
    std::vector<std::vector<double>> out;
    for (int layer = 0; layer < s.moe_layers; ++layer) {
        std::vector<double> load(static_cast<std::size_t>(moe.experts), 0.0);
        for (std::size_t k = 0; k < count.size(); ++k) {
            if (count[k] == 0) continue;
            const std::vector<double> rows = chosen(routing, moe.real_choices(), layer,
                                                    static_cast<int>(k), s.tokens_per_rank());
            for (std::size_t e = 0; e < load.size(); ++e)
                load[e] += count[k] * s.tokens_per_rank() * rows[e];
        }
        out.push_back(std::move(load));
    }
    return out;
}

Loads::Loads(const Scenario& scenario, const std::vector<int>& gpus)
    : scenario_{scenario}, members_{static_cast<int>(gpus.size())} {
    std::map<int, int> nodes;
    for (const int gpu : gpus) {
        const int node = scenario.cluster.node_of(gpu);
        shape_.node.push_back(
            nodes.try_emplace(node, static_cast<int>(nodes.size())).first->second);
        shape_.local.push_back(gpu % scenario.cluster.gpus_per_node());
    }
    shape_.nodes = static_cast<int>(nodes.size());
    if (!scenario.routing) return;
    const models::MoeFfn& moe = moe_of(scenario.model);
    experts_ = moe.experts;
    top_k_ = moe.routed_choices();
    real_choices_ = moe.real_choices();
    place();

    models::RoutingShape shape{experts_, top_k_, moe.groups, moe.group_limit, 1, scenario.seed};
    shape.per_group = moe.per_group;
    std::vector<int> rank, node;
    for (const auto& replicas : slots_->of_experts(0)) {
        rank.push_back(replicas.front().member);
        node.push_back(shape_.node[static_cast<std::size_t>(rank.back())]);
    }
    const models::Distinct distinct = models::expected_distinct(shape, node, rank);
    const auto uniform_touches = [&](const std::vector<int>& domain, int domains) {
        std::vector<double> missed(static_cast<std::size_t>(domains), 1.0);
        for (const int d : domain)
            missed[static_cast<std::size_t>(d)] *= 1 - std::min(1.0, 1.0 * top_k_ / experts_);
        return static_cast<double>(domains) - sum(missed);
    };
    node_scale_ = distinct.nodes / uniform_touches(node, shape_.nodes);
    gpu_scale_ = distinct.gpus / uniform_touches(rank, members_);

    const std::vector<double> given = scenario.routing->rows(0, false, members_);
    const bool even = scenario.routing->kinds() == 1 && scenario.placement.per_batch == "none" &&
                      max_over_mean(copies(0).rows.front()) < 1 + 1e-12;
    differ_ = given.empty() ? !even : given.size() > 1;
}

bool Loads::by_source() const {
    return replicated_slots_ > 0 && (scenario_.placement.replicas == "nearest" ||
                                     scenario_.placement.replicas == "static_local");
}

void Loads::place() {
    const PlacementPlan& plan = scenario_.placement;
    const int layers = scenario_.moe_layers;
    if (!plan.strategy || (plan.name == "contiguous" && plan.redundant == 0)) {
        slots_ = std::make_unique<SlotMap>(SlotMap::contiguous(layers, experts_, members_));
        return;
    }
    PlacementInput input;
    input.weight = observed_loads(scenario_, members_);
    input.slots = experts_ + plan.redundant;
    input.groups = moe_of(scenario_.model).groups;
    input.nodes = shape_.nodes;
    input.gpus = members_;
    input.seed = scenario_.seed;
    input.decoder_layers = scenario_.model.layer_count();
    for (int l = 0; l < input.decoder_layers; ++l)
        if (scenario_.model.layer(l).moe) input.layer_number.push_back(l);
    while (static_cast<int>(input.layer_number.size()) < layers)
        input.layer_number.push_back(std::max(input.decoder_layers, input.layer_number.back() + 1));
    for (int layer = 0; layer < layers && plan.strategy->looks_at_pairs(); ++layer) {
        const auto square = [&](const models::Pairs& pairs) {
            std::vector<std::vector<double>> out;
            for (int i = 0; i < experts_; ++i) {
                out.emplace_back();
                for (int j = 0; j < experts_; ++j) out.back().push_back(pairs.at(i, j));
            }
            return out;
        };
        if (const auto* pairs = scenario_.routing->together(layer))
            input.together.push_back(square(*pairs));
        if (const auto* pairs = scenario_.routing->follows(layer); pairs && layer + 1 < layers)
            input.follows.push_back(square(*pairs));
    }
    if (const std::string why = plan.strategy->refuse(input); !why.empty())
        plan.table->fail("strategy", plan.name + ": " + why);
    placement_ = plan.strategy->place(input);
    check(*placement_, input);
    std::vector<std::vector<double>> shares;
    if (plan.replicas == "lp") shares = balanced_shares(*placement_, input);
    slots_ = std::make_unique<SlotMap>(*placement_, members_, shares);
    for (const auto& counts : placement_->logcnt)
        for (const int n : counts) replicated_slots_ += n > 1 ? n : 0;
    replicated_slots_ /= static_cast<double>(members_) * layers;
    if (plan.move_every > 0) count_moves(std::move(input));
}

void Loads::count_moves(PlacementInput input) {
    input.weight = observed_loads(scenario_, members_, 1);
    const Placement next = scenario_.placement.strategy->place(input);
    const auto members = static_cast<std::size_t>(members_);
    const auto per_member = static_cast<std::size_t>(slots_->slots_per_member());
    const std::vector<double> none(members, 0.0);
    moves_ = {none, none, none, none};
    for (std::size_t l = 0; l < next.phy2log.size(); ++l) {
        std::vector<double> sent(members, 0.0);  // of this layer
        for (std::size_t slot = 0; slot < next.phy2log[l].size(); ++slot) {
            const std::size_t to = slot / per_member;
            std::optional<std::size_t> from;
            bool here = false;
            for (const int held :
                 placement_->log2phy[l][static_cast<std::size_t>(next.phy2log[l][slot])]) {
                const std::size_t at = static_cast<std::size_t>(held) / per_member;
                here = here || at == to;
                const auto far = [&](std::size_t m) {
                    return std::pair{shape_.node[m] != shape_.node[to], sent[m]};
                };
                if (!from || far(at) < far(*from)) from = at;
            }
            if (here) continue;
            const bool inside = shape_.node[*from] == shape_.node[to];
            (inside ? moves_.nvlink_out : moves_.nic_out)[*from] += 1;
            (inside ? moves_.nvlink_in : moves_.nic_in)[to] += 1;
            sent[*from] += 1;
        }
    }
    for (auto* port : {&moves_.nic_out, &moves_.nic_in, &moves_.nvlink_out, &moves_.nvlink_in})
        for (double& v : *port) v /= static_cast<double>(next.phy2log.size());
}

const Loads::Choices& Loads::choices(int moe_layer, int kind) const {
    const auto [at, fresh] = choices_.try_emplace({moe_layer, kind});
    Choices& out = at->second;
    if (!fresh) return out;
    const models::Routing& routing = *scenario_.routing;
    const double tokens = scenario_.tokens_per_rank();
    const auto assigned = routing.assigned(moe_layer, kind, tokens);
    if (!assigned) {
        out.asked = chosen(routing, real_choices_, moe_layer, kind, tokens);
        return out;
    }
    const bool padded = assigned->rows != assigned->tokens;  // then all of the capacity travels
    out.asked = padded ? assigned->rows : assigned->asked;
    for (double& v : out.asked) v /= tokens;
    std::vector<double> kept = share_of(assigned->tokens, assigned->asked);
    book_drops(routing, assigned->asked, kept, out.dropped, out.dropped_weight);
    if (!padded) out.kept = std::move(kept);
    return out;
}

std::vector<Loads::Choices> Loads::shared_capacity(int moe_layer, const std::vector<int>& kinds,
                                                   double capacity) const {
    const models::Routing& routing = *scenario_.routing;
    const double tokens = scenario_.tokens_per_rank();
    std::vector<Choices> out;
    std::vector<double> arriving(static_cast<std::size_t>(experts_), 0.0);
    for (const int kind : kinds) {
        out.push_back(choices(moe_layer, kind));
        for (std::size_t e = 0; e < arriving.size(); ++e)
            arriving[e] += tokens * out.back().asked[e];
    }
    std::vector<double> left(arriving.size()), kept;  // room in rank order; share of every rank
    for (std::size_t e = 0; e < arriving.size(); ++e)
        left[e] =
            models::expected_kept(arriving[e], tokens * members_, capacity, routing.sampled());
    kept = share_of(left, arriving);
    for (Choices& of : out) {
        of.kept = kept;
        for (std::size_t e = 0; routing.drops_last() && e < left.size(); ++e) {
            const double asked = tokens * of.asked[e], taken = std::min(asked, left[e]);
            of.kept[e] = asked > 0 ? taken / asked : 1;
            left[e] -= taken;
        }
        book_drops(routing, of.asked, of.kept, of.dropped, of.dropped_weight);
    }
    return out;
}

void Loads::add_copies(topologies::Copies& out, int layer, int kind, int source,
                       const Choices& choices) const {
    std::vector<double> rows(static_cast<std::size_t>(members_), 0.0);
    const bool last = scenario_.routing->drops_last();
    Meeting at_gpu{rows.size(), last}, at_node{static_cast<std::size_t>(shape_.nodes), last};
    std::vector<double> to_node(static_cast<std::size_t>(shape_.nodes));
    const auto& experts = slots_->of_experts(layer);
    std::vector<SlotMap::Replica> near;
    for (std::size_t e = 0; e < experts.size(); ++e) {
        const std::vector<SlotMap::Replica>* replicas = &experts[e];
        if (source >= 0 && by_source() && replicas->size() > 1) {
            near = nearest_replicas(*replicas, source, shape_.node,
                                    scenario_.placement.replicas == "static_local");
            replicas = &near;
        }
        const double kept = choices.kept.empty() ? 1 : choices.kept[e];
        std::fill(to_node.begin(), to_node.end(), 0.0);
        for (const SlotMap::Replica& r : *replicas) {
            const auto member = static_cast<std::size_t>(r.member);
            const double q = choices.asked[e] * r.share;
            rows[member] += q * kept;
            at_gpu.add(member, q, kept);
            to_node[static_cast<std::size_t>(shape_.node[member])] += q;
        }
        for (std::size_t n = 0; n < to_node.size(); ++n)
            if (to_node[n] > 0) at_node.add(n, to_node[n], kept);
    }
    if (scenario_.routing->exact_touches() && replicated_slots_ == 0) {
        std::vector<int> rank, node;
        for (const auto& replicas : experts) {
            rank.push_back(replicas.front().member);
            node.push_back(shape_.node[static_cast<std::size_t>(rank.back())]);
        }
        out.gpu.push_back(scenario_.routing->touches(layer, kind, rank, members_));
        out.node.push_back(scenario_.routing->touches(layer, kind, node, shape_.nodes));
    } else {
        auto& gpu = out.gpu.emplace_back();
        auto& node = out.node.emplace_back();
        for (std::size_t r = 0; r < rows.size(); ++r)
            gpu.push_back(std::min({1.0, rows[r], gpu_scale_ * at_gpu.chance(r)}));
        for (std::size_t n = 0; n < to_node.size(); ++n)
            node.push_back(std::min(1.0, node_scale_ * at_node.chance(n)));
    }
    out.rows.push_back(std::move(rows));
}

const topologies::Copies& Loads::copies(int moe_layer) const {
    const auto [at, fresh] = copies_.try_emplace(moe_layer);
    if (!fresh) return at->second;
    const int kinds = scenario_.routing->kinds();
    for (int s = 0; s < (by_source() ? members_ : 1); ++s)
        for (int k = 0; k < kinds; ++k)
            add_copies(at->second, moe_layer, k, s, choices(moe_layer, k));
    return at->second;
}

void Loads::scale_excess(std::vector<double>& values) const {
    const double factor = scenario_.what_if.imbalance;
    if (factor == 1) return;
    const double m = mean(values);
    for (double& v : values) v = std::max(0.0, m + (v - m) * factor);
}

/// From the members of one exchange to all ranks of the expert group: expert-tensor neighbours hold
/// shards of the same experts, and each brings as many tokens.
void Loads::spread(ExchangeLoad& load, std::size_t etp) {
    const auto each = [&](std::vector<double>& values, double factor) {
        std::vector<double> out;
        for (const double v : values) out.insert(out.end(), etp, v * factor);
        values = std::move(out);
    };
    each(load.rows, static_cast<double>(etp));
    each(load.unique, static_cast<double>(etp));
    std::vector<topologies::PortLoads*> all{&load.ports, &load.shipped};
    for (topologies::PortLoads& phase : load.phases) all.push_back(&phase);
    for (topologies::PortLoads* ports : all)
        for (auto* values :
             {&ports->nic_out, &ports->nic_in, &ports->nvlink_out, &ports->nvlink_in})
            each(*values, 1);
}

std::vector<int> Loads::drawn_kinds(int micro_batch, int replica) const {
    // Tensor-parallel neighbours hold parts of one sequence; replicas draw sequences of their own.
    // An expert-tensor group is a run of ranks; the exchanges are those of its first members.
    const int split = scenario_.parallel.tensor * scenario_.parallel.context;
    const int etp = scenario_.parallel.expert_tensor;
    const int draw = micro_batch + replica * scenario_.micro_batches();
    const std::vector<int> drawn =
        scenario_.routing->kind_of_source(draw, std::max(1, members_ * etp / split));
    std::vector<int> out;
    for (int s = 0; s < members_; ++s)
        out.push_back(drawn[std::min(static_cast<std::size_t>(s * etp / split), drawn.size() - 1)]);
    return out;
}

ExchangeLoad Loads::get(int moe_layer, int micro_batch, int replica, bool backward) const {
    const models::Routing& routing = *scenario_.routing;
    const double tokens = scenario_.tokens_per_rank();
    const auto members = static_cast<std::size_t>(members_);
    const int draw = micro_batch + replica * scenario_.micro_batches();
    const std::vector<int> drawn = drawn_kinds(micro_batch, replica);
    const auto capacity = routing.group_capacity(tokens * members_);
    std::vector<Choices> limited;  // [members], under one capacity for all of them
    topologies::Copies own;
    if (capacity) limited = shared_capacity(moe_layer, drawn, *capacity);
    const auto of_source = [&](std::size_t s) -> const Choices& {
        return capacity ? limited[s] : choices(moe_layer, drawn[s]);
    };
    std::vector<int> kinds = drawn;  // of copies
    for (std::size_t s = 0; s < members; ++s) {
        if (!capacity) {
            if (by_source()) kinds[s] += static_cast<int>(s) * routing.kinds();
            continue;
        }
        std::size_t same = 0;  // an earlier source of the same kind that keeps the same
        while (!by_source() && same < s &&
               (drawn[same] != drawn[s] || limited[same].kept != limited[s].kept))
            ++same;
        kinds[s] = same < s && !by_source() ? kinds[same] : static_cast<int>(own.rows.size());
        if (kinds[s] == static_cast<int>(own.rows.size()))
            add_copies(own, moe_layer, drawn[s], static_cast<int>(s), limited[s]);
    }
    const topologies::Copies& per_token = capacity ? own : copies(moe_layer);

    ExchangeLoad out;
    out.rows.assign(members, 0);
    out.unique.assign(members, 0);
    std::vector<double> count(per_token.rows.size(), 0.0);  // sources of each kind
    for (const int k : kinds) count[static_cast<std::size_t>(k)] += 1;
    for (std::size_t k = 0; k < count.size(); ++k)
        for (std::size_t r = 0; count[k] > 0 && r < members; ++r) {
            out.rows[r] += count[k] * tokens * per_token.rows[k][r];
            out.unique[r] += count[k] * tokens * per_token.gpu[k][r];
        }
    for (std::size_t s = 0; s < members; ++s) {
        const Choices& mine = of_source(s);
        out.dropped_at.push_back(mine.dropped);
        out.dropped += mine.dropped / static_cast<double>(members);
        out.dropped_weight += mine.dropped_weight / static_cast<double>(members);
    }
    exchange(out, per_token, kinds, tokens);
    if (scenario_.placement.per_batch != "none") {
        std::vector<std::vector<double>> expert_rows;  // [sources][experts]
        for (std::size_t s = 0; s < members; ++s) {
            expert_rows.push_back(of_source(s).asked);
            for (std::size_t e = 0; e < expert_rows.back().size(); ++e)
                expert_rows.back()[e] *=
                    tokens * (of_source(s).kept.empty() ? 1 : of_source(s).kept[e]);
        }
        rearrange(out, expert_rows, slots_->of_experts(moe_layer), shape_.node, scenario_);
    }
    if (routing.sampled()) {
        models::Random random{{scenario_.seed, 0x10ad5u, static_cast<std::uint64_t>(moe_layer),
                               static_cast<std::uint64_t>(draw)}};
        for (std::size_t r = 0; r < members; ++r) {
            const double noisy = out.rows[r] + std::sqrt(out.rows[r]) * gauss(random);
            const double factor = out.rows[r] > 0 ? std::max(0.0, noisy / out.rows[r]) : 1;
            out.rows[r] *= factor;
            out.unique[r] *= factor;
        }
    }
    if (const std::vector<double> given = routing.rows(moe_layer, backward, members_);
        !given.empty())
        for (std::size_t r = 0; r < members; ++r) {
            const double rows = given[given.size() == 1 ? 0 : r];
            out.unique[r] *= out.rows[r] > 0 ? rows / out.rows[r] : 1;
            out.rows[r] = rows;
        }
    for (auto* values : {&out.rows, &out.unique}) scale_excess(*values);
    const auto even = [this](topologies::PortLoads& p) {
        for (auto* values : {&p.nic_out, &p.nic_in, &p.nvlink_out, &p.nvlink_in})
            scale_excess(*values);
    };
    even(out.ports);
    for (topologies::PortLoads& phase : out.phases) even(phase);
    if (const int etp = scenario_.parallel.expert_tensor; etp > 1)
        spread(out, static_cast<std::size_t>(etp));
    return out;
}

void Loads::exchange(ExchangeLoad& out, const topologies::Copies& per_token,
                     const std::vector<int>& kinds, double tokens) const {
    std::vector<topologies::Flows> phases =
        scenario_.dispatcher->flows(shape_, per_token, kinds, tokens);
    out.ports = topologies::port_loads(shape_, phases.front());
    if (phases.size() > 1) {
        out.phases.push_back(out.ports);
        for (std::size_t i = 1; i < phases.size(); ++i) {
            out.phases.push_back(topologies::port_loads(shape_, phases[i]));
            const topologies::PortLoads& more = out.phases.back();
            const auto add = [](std::vector<double>& to, const std::vector<double>& what) {
                for (std::size_t r = 0; r < to.size(); ++r) to[r] += what[r];
            };
            add(out.ports.nic_out, more.nic_out);
            add(out.ports.nic_in, more.nic_in);
            add(out.ports.nvlink_out, more.nvlink_out);
            add(out.ports.nvlink_in, more.nvlink_in);
        }
    }
    if (scenario_.network == "pairwise") out.flows = std::move(phases);
}

}  // namespace moesim::scenarios
