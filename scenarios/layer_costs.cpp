#include "scenarios/layer_costs.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "models/counts.hpp"

namespace moesim::scenarios {

using topologies::Cost;
using topologies::Pass;

std::string_view name(Segment segment) {
    static constexpr std::array<std::string_view, kSegments> names{"attention forward",
                                                                   "ffn forward",
                                                                   "ffn input gradient",
                                                                   "ffn weight gradient",
                                                                   "attention input gradient",
                                                                   "attention weight gradient",
                                                                   "shared expert forward",
                                                                   "shared expert input gradient",
                                                                   "shared expert weight gradient"};
    return names[static_cast<std::size_t>(segment)];
}

double SegmentCost::at(double rows, double part) const {
    if (seconds.size() == 1) return seconds.front() * part;
    if (part != 1) return at(rows * part) - seconds.front() * (1 - part);
    const double x = rows / step;
    const auto i = std::min(static_cast<std::size_t>(x), seconds.size() - 2);
    return seconds[i] + (seconds[i + 1] - seconds[i]) * (x - static_cast<double>(i));
}

namespace {

constexpr int kCurvePoints = 65;  // over [0, kCurveSpan x mean rows]; linear beyond
constexpr double kCurveSpan = 4;

/// A kernel and how often it runs; cost as a function of the rank's (rows, unique tokens).
struct Kernel {
    std::string name;
    bool by_rows;
    int launches;
    std::function<Cost(double rows, double unique)> cost;
};

/// The kernels of one (item, segment).
class KernelList {
public:
    KernelList(const Scenario& s, int experts_per_rank, bool contended)
        : s_{s}, experts_{experts_per_rank}, contended_{contended} {}

    std::vector<Kernel> list;

    void gemm(const models::Linear& linear, Pass pass, int shard_in, int shard_out) {
        const bool routed = linear.cls == "routed";
        topologies::Gemm q;
        q.pass = pass;
        q.format = s_.recipe.gemm.at(linear.cls);
        q.in = static_cast<double>(linear.in) / shard_in;
        q.out = static_cast<double>(linear.out) / shard_out;
        q.groups = routed ? experts_ : 1;
        // Sharded matrices see the whole sequence of the tensor group, whole ones the rank's part.
        const bool whole = linear.cls == "router" || linear.cls == "latent";
        q.m = s_.tokens_per_rank() * (whole ? 1 : s_.parallel.tensor);
        const double speed = s_.what_if.gemm;
        const int launches = routed && pass == Pass::weight_gradient ? experts_ : 1;
        list.push_back(
            {linear.name, routed, launches, [this, q, routed, speed](double rows, double) {
                 topologies::Gemm at = q;
                 if (routed) at.m = rows / experts_;
                 return rate(mixed([&](bool c) { return s_.profile.gemm(at, c); }, true), speed);
             }});
    }

    void attention(const models::Attention& a, Pass pass) {
        topologies::AttentionCore q;
        q.pass = pass;
        q.batch = s_.micro_batch;
        // A context-parallel rank does an equal share of the scores, as if it held fewer heads.
        const double ranks = 1.0 * s_.parallel.tensor * s_.parallel.context;
        q.heads = a.heads / ranks;
        q.kv_heads = std::max(1.0, a.kv_heads / ranks);
        q.sequence = static_cast<double>(s_.sequence);
        q.qk_dim = a.qk_dim();
        q.v_dim = a.value_dim();
        list.push_back(
            {"attention core", false, pass == Pass::forward ? 1 : 3, [this, q](double, double) {
                 return rate(mixed([&](bool c) { return s_.profile.attention(q, c); }, true),
                             s_.what_if.attention);
             }});
    }

    /// shared: nothing else than the shared expert's (true), nothing of it (false), or everything.
    void memory(const std::string& segment, const models::Layer* layer, const Symbols& base,
                std::optional<bool> shared = {}) {
        for (const MemoryOp& op : s_.recipe.memory) {
            if (op.segment != segment) continue;
            if (shared && *shared != (op.needs == "shared")) continue;
            if (!op.recompute.empty() && !s_.recompute.has(op.recompute)) continue;
            if (op.needs == "mla" && !(layer && layer->attention.kind == "mla")) continue;
            if (op.needs == "gqa" && !(layer && layer->attention.kind == "gqa")) continue;
            if (op.needs == "moe" && !(layer && layer->moe)) continue;
            if (op.needs == "dense" && !(layer && layer->dense)) continue;
            if (op.needs == "shared" && !(layer && layer->moe && layer->moe->shared_experts > 0))
                continue;
            const bool by_rows = op.elements.uses('A') || op.elements.uses('U');
            list.push_back(
                {op.name, by_rows, op.launches, [this, &op, base](double rows, double unique) {
                     Symbols at = base;
                     at.A = rows;
                     at.U = unique;
                     const double elements = op.elements(at);
                     if (elements <= 0) return Cost{};
                     const topologies::Memory q{op.name, elements * op.bytes_per_element,
                                                op.launches};
                     return rate(mixed([&](bool c) { return s_.profile.memory(q, c); }),
                                 s_.what_if.memory_bound);
                 }});
        }
    }

private:
    /// The contended cost, its excess over the lone one scaled by [what_if] contention.
    /// held: it runs on what SMs the exchanges leave when the plan says how many they hold.
    template <class Ask>
    Cost mixed(Ask ask, bool held = false) const {
        if (!contended_ || s_.what_if.contention == 0) return ask(false);
        Cost beside = ask(!held || s_.dispatcher_sms == 0);
        if (held && s_.dispatcher_sms > 0) {
            const double sms = s_.cluster.device().sms;
            beside.seconds *= sms / (sms - s_.dispatcher_sms);
        }
        if (s_.what_if.contention != 1) {
            const double alone = ask(false).seconds;
            beside.seconds = alone + (beside.seconds - alone) * s_.what_if.contention;
        }
        return beside;
    }
    static Cost rate(Cost cost, double factor) {
        cost.seconds /= factor;
        return cost;
    }

    const Scenario& s_;
    int experts_;
    bool contended_;
};

}  // namespace

struct LayerCosts::Impl {
    const Scenario& s;
    int experts_per_rank;
    double mean_rows, unique_per_row;

    [[nodiscard]] Symbols symbols(const models::Layer* layer) const {
        Symbols v;
        v.T = s.tokens_per_rank();
        v.h = s.model.hidden;
        v.V = static_cast<double>(s.model.vocab) / s.parallel.tensor;
        if (layer == nullptr) return v;
        const models::Attention& a = layer->attention;
        v.a = a.heads;
        v.g = a.kv_heads;
        v.x = a.qk_dim();
        v.v = a.value_dim();
        v.q = a.q_rank;
        v.c = a.kv_rank;
        v.r = a.kind == "mla" ? a.rope_dim : a.head_dim;
        if (layer->dense) v.d = layer->dense->width;
        if (layer->moe) {
            v.f = static_cast<double>(layer->moe->width) / s.parallel.expert_tensor;
            v.s = static_cast<double>(layer->moe->shared_experts) * layer->moe->shared_width;
            v.E = layer->moe->experts;
            v.e = experts_per_rank;
            v.k = layer->moe->top_k;
        }
        return v;
    }

    void linears(KernelList& out, const std::vector<models::Linear>& all, Pass pass,
                 const std::function<bool(const models::Linear&)>& wanted) const {
        const int t = s.parallel.tensor;
        for (const models::Linear& l : all) {
            if (!wanted(l)) continue;
            // Column-parallel first, row-parallel last: "o" and "down" are split along their input.
            const bool row = l.name == "o" || l.name == "o_proj" || l.name.ends_with("down") ||
                             l.name.ends_with("down_proj");
            const bool sharded = l.cls == "attention" || l.cls == "dense" || l.cls == "shared";
            const int shards = sharded ? t : l.cls == "routed" ? s.parallel.expert_tensor : 1;
            out.gemm(l, pass, row ? shards : 1, row ? 1 : shards);
        }
    }

    void layer(KernelList& out, const models::Layer& layer, Segment segment) const {
        const auto attention = models::attention_linears(layer, s.model.hidden);
        const auto ffn = models::ffn_linears(layer, s.model.hidden);
        const auto router = [](const models::Linear& l) { return l.cls == "router"; };
        // Where the shared expert runs under the exchanges it has segments of its own.
        const bool apart = s.overlap.shared_expert && layer.moe && layer.moe->shared_experts > 0;
        const std::optional<bool> here = apart ? std::optional{false} : std::nullopt;
        const auto others = [apart](const models::Linear& l) {
            return l.cls != "router" && !(apart && l.cls == "shared");
        };
        const auto shared = [](const models::Linear& l) { return l.cls == "shared"; };
        const auto all = [](const models::Linear&) { return true; };
        const std::string block = layer.moe ? "moe" : "dense";
        const Symbols v = symbols(&layer);
        switch (segment) {
            case Segment::attention_forward:
                linears(out, attention, Pass::forward, all);
                out.attention(layer.attention, Pass::forward);
                linears(out, ffn, Pass::forward, router);
                out.memory("attention.forward", &layer, v);
                break;
            case Segment::attention_input:
                if (s.recompute.mla_up_proj)
                    linears(out, attention, Pass::forward, [](const models::Linear& l) {
                        return l.name.starts_with("q_b") || l.name.starts_with("kv_b");
                    });
                if (s.recompute.core_attn) out.attention(layer.attention, Pass::forward);
                linears(out, attention, Pass::input_gradient, all);
                out.attention(layer.attention, Pass::input_gradient);
                linears(out, ffn, Pass::input_gradient, router);
                linears(out, ffn, Pass::weight_gradient, router);
                out.memory("attention.input_gradient", &layer, v);
                break;
            case Segment::attention_weight:
                linears(out, attention, Pass::weight_gradient, all);
                out.memory("attention.weight_gradient", &layer, v);
                break;
            case Segment::ffn_forward:
                linears(out, ffn, Pass::forward, others);
                out.memory(block + ".forward", &layer, v, here);
                break;
            case Segment::ffn_input:
                if (s.recompute.mlp && layer.dense) {
                    linears(out, ffn, Pass::forward, all);
                    out.memory("dense.forward", &layer, v);
                }
                if (s.recompute.shared_experts && !apart) linears(out, ffn, Pass::forward, shared);
                linears(out, ffn, Pass::input_gradient, others);
                out.memory(block + ".input_gradient", &layer, v, here);
                break;
            case Segment::ffn_weight:
                linears(out, ffn, Pass::weight_gradient, others);
                out.memory(block + ".weight_gradient", &layer, v, here);
                break;
            case Segment::shared_forward:
                if (!apart) break;
                linears(out, ffn, Pass::forward, shared);
                out.memory("moe.forward", &layer, v, true);
                break;
            case Segment::shared_input:
                if (!apart) break;
                if (s.recompute.shared_experts) linears(out, ffn, Pass::forward, shared);
                linears(out, ffn, Pass::input_gradient, shared);
                out.memory("moe.input_gradient", &layer, v, true);
                break;
            case Segment::shared_weight:
                if (!apart) break;
                linears(out, ffn, Pass::weight_gradient, shared);
                out.memory("moe.weight_gradient", &layer, v, true);
                break;
        }
    }

    /// Embedding, head and MTP projection book forward, input and weight gradient in the ffn
    /// segments.
    void other(KernelList& out, const Item& item, Segment segment) const {
        const Symbols v = symbols(nullptr);
        const Pass pass = segment == Segment::ffn_forward ? Pass::forward
                          : segment == Segment::ffn_input ? Pass::input_gradient
                                                          : Pass::weight_gradient;
        const std::string suffix = "." + std::string{topologies::name(pass)};
        if (item.type == Item::Type::embedding) out.memory("embedding" + suffix, nullptr, v);
        if (item.type == Item::Type::head) {
            out.gemm({"head", "head", s.model.hidden, s.model.vocab}, pass, 1, s.parallel.tensor);
            out.memory("head" + suffix, nullptr, v);
        }
        if (item.type == Item::Type::mtp_projection)
            out.gemm({"mtp projection", "latent", 2L * s.model.hidden, s.model.hidden}, pass, 1, 1);
    }

    /// Whether a kernel is part of a CUDA graph. Routed experts and what lies around them, whose
    /// sizes the host must know, are only ever in a graph of everything.
    [[nodiscard]] bool captured(const Item& item, Segment segment,
                                const std::string& kernel) const {
        const CudaGraphs& g = s.cuda_graphs;
        if (g.full || item.type != Item::Type::layer) return g.full;
        const models::Layer& layer = s.model.kinds[static_cast<std::size_t>(item.kind)];
        const bool attention = segment == Segment::attention_forward ||
                               segment == Segment::attention_input ||
                               segment == Segment::attention_weight;
        if (kernel.starts_with("router")) return g.moe_router;
        if (attention) return layer.attention.kind.starts_with("mamba") ? g.mamba : g.attn;
        if (kernel == "expert_map") return g.moe_preprocess;
        return layer.moe ? false : g.mlp;
    }

    [[nodiscard]] SegmentCost cost(const Item& item, Segment segment, bool contended) const {
        KernelList kernels{s, experts_per_rank, contended};
        if (item.type == Item::Type::layer)
            layer(kernels, s.model.kinds[static_cast<std::size_t>(item.kind)], segment);
        else if (segment == Segment::ffn_forward || segment == Segment::ffn_input ||
                 segment == Segment::ffn_weight)
            other(kernels, item, segment);
        SegmentCost out;
        double fixed = 0, error = 0, total = 0;
        int launches = 0, issued = 0;
        bool by_rows = false;
        for (const Kernel& k : kernels.list) {
            const Cost c = k.cost(mean_rows, mean_rows * unique_per_row);
            out.ground[static_cast<std::size_t>(c.evidence)] += c.seconds;
            out.kernels[k.name] += c.seconds;
            error += c.seconds * c.rel_error;
            total += c.seconds;
            launches += k.launches;
            if (!captured(item, segment, k.name)) issued += k.launches;
            by_rows = by_rows || k.by_rows;
            if (!k.by_rows) fixed += c.seconds;
        }
        out.rel_error = total > 0 ? error / total : 0;
        out.seconds.push_back(fixed);
        if (by_rows && mean_rows > 0) {
            out.step = mean_rows * kCurveSpan / (kCurvePoints - 1);
            out.seconds.clear();
            for (int i = 0; i < kCurvePoints; ++i) {
                const double rows = out.step * i;
                double seconds = fixed;
                for (const Kernel& k : kernels.list)
                    if (k.by_rows && rows > 0)
                        seconds += k.cost(rows, rows * unique_per_row).seconds;
                out.seconds.push_back(seconds);
            }
        }
        // What the host cannot issue in time is a floor of its own.
        const double issue = issued * s.profile.host_issue_s();
        out.gap = std::max(launches * s.profile.launch_gap_s(), issue - total);
        return out;
    }
};

LayerCosts::LayerCosts(const Scenario& scenario, int experts_per_rank, double mean_rows,
                       double unique_per_row)
    : impl_{std::make_shared<Impl>(Impl{scenario, experts_per_rank, mean_rows, unique_per_row})} {}

const SegmentCost& LayerCosts::get(const Item& item, Segment segment, bool contended) const {
    const std::array<int, 4> key{static_cast<int>(item.type), item.kind, static_cast<int>(segment),
                                 contended};
    const auto at = known_.find(key);
    if (at != known_.end()) return at->second;
    return known_.emplace(key, impl_->cost(item, segment, contended)).first->second;
}

double LayerCosts::stream_seconds(const std::string& segment, double rows, double unique) const {
    const models::Layer* layer = nullptr;
    for (const models::Layer& kind : impl_->s.model.kinds)
        if (kind.moe) layer = &kind;
    KernelList kernels{impl_->s, impl_->experts_per_rank, false};
    kernels.memory(segment, layer, impl_->symbols(layer));
    double sum = 0;
    for (const Kernel& k : kernels.list) sum += k.cost(rows, unique).seconds;
    return sum;
}

}  // namespace moesim::scenarios
