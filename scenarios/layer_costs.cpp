#include "scenarios/layer_costs.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include "models/counts.hpp"
#include "scenarios/kernels/mixer.hpp"

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
    double issue;  // seconds of the host
    std::function<Cost(double rows, double unique)> cost;
};

/// The kernels of one (item, segment).
class KernelList final : public KernelSink {
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
        q.groups = routed ? experts_ : linear.held;
        // Sharded matrices see the whole sequence of the tensor group, whole ones the rank's part.
        const bool whole = linear.cls == "router" || linear.cls == "latent";
        q.m = s_.tokens_per_rank() * (whole ? 1 : s_.parallel.tensor) * linear.passed / linear.held;
        const double speed = s_.what_if.gemm;
        const int launches = routed && pass == Pass::weight_gradient ? experts_ : 1;
        // Both gradients come from one call of the module; experts are launched one after another.
        const topologies::Host& host = s_.host;
        const double issue = pass == Pass::weight_gradient ? launches * host.kernel_s
                             : linear.cls == "router"
                                 ? host.op_s
                                 : host.module_s + (routed ? (experts_ - 1) * host.group_s : 0);
        list.push_back(
            {linear.name, routed, launches, issue, [this, q, routed, speed](double rows, double) {
                 topologies::Gemm at = q;
                 if (routed) at.m = rows / experts_;
                 return rate(mixed([&](bool c) { return s_.profile.gemm(at, c); }, true), speed);
             }});
        if (q.format == "bf16" || pass == Pass::weight_gradient) return;
        // What comes in is cast to the format of the GEMM, for the weight gradient at the same
        // time.
        const bool forward = pass == Pass::forward;
        cast(forward ? s_.recipe.cast_input : s_.recipe.cast_gradient, forward ? q.in : q.out, q.m,
             routed);
    }

    /// [m, width] elements cast; m is the rank's routed rows when `routed`.
    void cast(const Quantize& how, double width, double m, bool routed) {
        if (how.name.empty()) return;
        // A linear that casts takes the host twice as long as one that does not. Before fusion
        // every expert's operand needed memory for both layouts and their scales, the cast, and
        // the scales in order. Sources: NVIDIA/TransformerEngine, issue 761; NVIDIA/Megatron-LM,
        // docs/discussions/deepseek-v3-gb200-optimization, 2.1.2 and 2.1.3.
        const int calls = s_.unfused.quantize ? 6 : 1;
        const double issue = s_.host.linear_s + (routed ? experts_ * calls * s_.host.kernel_s : 0);
        list.push_back({how.name, routed, how.launches, issue,
                        [this, &how, width, m, routed](double rows, double) {
                            const topologies::Memory q{
                                how.name, width * (routed ? rows : m) * how.bytes_per_element,
                                how.launches};
                            return rate(mixed([&](bool c) { return s_.profile.memory(q, c); }),
                                        s_.what_if.memory_bound);
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
        q.causal = a.causal;
        if (a.chunk > 0 && a.chunk < q.sequence) {
            q.batch *= q.sequence / a.chunk;
            q.sequence = a.chunk;
        }
        const double most = a.most_keys(q.sequence);
        q.window = most < q.sequence ? most : 0;
        scores("attention core", q);
    }

    void product(const std::string& name, const topologies::Gemm& q, double times) override {
        list.push_back({name, false, static_cast<int>(std::min(times, 1e6)), s_.host.linear_s,
                        [this, q, times](double, double) {
                            Cost one =
                                rate(mixed([&](bool c) { return s_.profile.gemm(q, c); }, true),
                                     s_.what_if.gemm);
                            one.seconds *= times;
                            return one;
                        }});
    }

    void scores(const std::string& name, const topologies::AttentionCore& q) override {
        list.push_back({name, false, q.pass == Pass::forward ? 1 : 3, s_.host.module_s,
                        [this, q](double, double) {
                            return rate(
                                mixed([&](bool c) { return s_.profile.attention(q, c); }, true),
                                s_.what_if.attention);
                        }});
    }

    void traffic(const std::string& name, double bytes, int launches) override {
        const topologies::Memory q{name, bytes, launches};
        list.push_back({name, false, launches, s_.host.op_s + (launches - 1) * s_.host.kernel_s,
                        [this, q](double, double) {
                            if (!(q.bytes > 0)) return Cost{};
                            return rate(mixed([&](bool c) { return s_.profile.memory(q, c); }),
                                        s_.what_if.memory_bound);
                        }});
    }

    /// shared: nothing else than the shared expert's (true), nothing of it (false), or everything.
    void memory(const std::string& segment, const models::Layer* layer, const Symbols& base,
                std::optional<bool> shared = {}) {
        for (const MemoryOp& op : s_.recipe.memory) {
            if (op.segment != segment) continue;
            if (shared && *shared != (op.needs == "shared")) continue;
            if (!op.recompute.empty() && !s_.recompute.has(op.recompute)) continue;
            if (op.needs == "rows_padded" ? !pads_rows()
                                          : !op.needs.empty() && !(layer && has(*layer, op.needs)))
                continue;
            const bool by_rows = op.elements.uses('A') || op.elements.uses('U');
            // What experts receive, and their weights, are as wide as what travels.
            const bool of_experts = by_rows || op.elements.uses('e') ||
                                    segment.starts_with("dispatch") ||
                                    segment.starts_with("combine");
            const int blocks = layer && runs_in_blocks(op) ? layer->blocks : 1;
            const double h = of_experts && layer && layer->moe
                                 ? layer->moe->payload(s_.model.hidden)
                                 : s_.model.hidden;
            const int launches = (unfused(op.fusion) ? op.unfused : op.launches) *
                                 (op.per_expert ? experts_ : 1) * blocks;
            const double issue =
                op.module ? blocks * s_.host.module_s + (launches - blocks) * s_.host.kernel_s
                          : launches * s_.host.op_s;
            list.push_back(
                {op.name, by_rows, launches, issue,
                 [this, &op, base, h, blocks, launches](double rows, double unique) {
                     Symbols at = base;
                     at.A = rows;
                     at.U = unique;
                     at.h = h;
                     const double elements = op.elements(at) * blocks;
                     if (elements <= 0) return Cost{};
                     const topologies::Memory q{op.name, elements * op.bytes_per_element, launches};
                     return rate(mixed([&](bool c) { return s_.profile.memory(q, c); }),
                                 s_.what_if.memory_bound);
                 }});
        }
    }

private:
    /// Whether a layer has what an op needs.
    static bool has(const models::Layer& layer, const std::string& part) {
        const std::string& mixer = layer.attention.kind;
        if (part == "mixer") return layer.attention.present();
        if (part == "ffn") return layer.has_ffn();
        if (part == "mla") return mixer == "mla";
        if (part == "gqa") return mixer == "gqa" || mixer == "moa" || mixer == "csa";
        if (part == "qk_norm") return layer.attention.qk_norm;
        if (part == "moe") return layer.moe.has_value();
        if (part == "expert_bias") return layer.moe && layer.moe->bias;
        if (part == "dense") return layer.dense.has_value();
        return layer.moe && layer.moe->shared_experts > 0;
    }
    [[nodiscard]] bool unfused(const std::string& fusion) const {
        return (fusion == "router" && s_.unfused.router) ||
               (fusion == "permute" && s_.unfused.permute);
    }
    /// HybridEP pads while it permutes. Source: NVIDIA/Megatron-LM,
    /// docs/discussions/deepseek-v3-gb200-optimization, 2.5.
    [[nodiscard]] bool pads_rows() const {
        return s_.recipe.row_padding > 1 && !s_.dispatcher->pads_rows();
    }
    /// Kernels of mixer and dense part are repeated with them.
    static bool runs_in_blocks(const MemoryOp& op) {
        return op.segment.starts_with("dense.") ||
               (op.segment.starts_with("attention.") && op.needs != "moe" && op.needs != "shared");
    }

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
            if (!wanted(l) || l.passed == 0) continue;
            if (l.cls == "product_key") {
                neurons(out, l, pass);
                continue;
            }
            // Column-parallel first, row-parallel last: "o" and "down" are split along their input.
            const bool row = l.name == "o" || l.name == "cross_o" || l.name.ends_with("down");
            const bool sharded = l.cls == "attention" || l.cls == "dense" || l.cls == "shared";
            const int shards = sharded ? t : l.cls == "routed" ? s.parallel.expert_tensor : 1;
            out.gemm(l, pass, row ? shards : 1, row ? 1 : shards);
        }
    }

    /// Rows of a table, one for each neuron that a token chose: gathered, and their FP32 gradients
    /// added where they came from.
    void neurons(KernelList& out, const models::Linear& l, Pass pass) const {
        const double rows = s.tokens_per_rank() * s.parallel.tensor * l.passed;
        const double elements = rows * static_cast<double>(l.in * l.out) / s.parallel.tensor;
        if (pass == Pass::weight_gradient)
            out.traffic("neuron_scatter", elements * 10, 1);
        else
            out.traffic("neuron_gather", elements * 2, 1);
    }

    /// What a mixer does between its weight matrices.
    void core(KernelList& out, const models::Attention& a, Pass pass) const {
        if (a.softmax()) {
            if (a.index_heads > 0) indexer(out, a, pass);
            out.attention(a, pass);
            return;
        }
        const MixerShare share{s.tokens_per_rank() * s.parallel.tensor, 1.0 * s.micro_batch,
                               1.0 * s.parallel.tensor};
        if (const MixerKernels* kernels = mixer_kernels(a.kind))
            kernels->write(out, a, share, pass);
    }
    void cores(KernelList& out, const models::Layer& layer, Pass pass) const {
        for (int block = 0; block < layer.blocks; ++block) core(out, layer.attention, pass);
        if (layer.cross) core(out, *layer.cross, pass);
    }

    /// Scores of every earlier token by the indexer, then the best of them; whole on each rank, for
    /// its own tokens.
    void indexer(KernelList& out, const models::Attention& a, Pass pass) const {
        const double keys =
            static_cast<double>(s.sequence) / (a.causal ? 2 : 1) / std::max(1, a.compress);
        const double tokens = s.tokens_per_rank();
        chunk_product(out, "index scores", pass, a.index_heads, tokens, a.index_dim, keys);
        if (pass == Pass::forward) out.traffic("index_topk", tokens * keys * 8, 2);
    }

    void layer(KernelList& out, const models::Layer& layer, Segment segment) const {
        const auto attention = models::attention_linears(layer, s.model.hidden);
        const auto ffn = models::ffn_linears(layer, s.model.hidden);
        // Scores, and the projection of what is dispatched, come before the exchange.
        const auto router = [](const models::Linear& l) {
            return l.cls == "router" || l.name == "latent_in";
        };
        // Where the shared expert runs under the exchanges it has segments of its own.
        const bool apart = s.overlap.shared_expert && layer.moe && layer.moe->shared_experts > 0;
        const std::optional<bool> here = apart ? std::optional{false} : std::nullopt;
        const auto others = [&](const models::Linear& l) {
            return !router(l) && !(apart && l.cls == "shared");
        };
        const auto shared = [](const models::Linear& l) { return l.cls == "shared"; };
        const auto all = [](const models::Linear&) { return true; };
        // What one position feeds back to the next is no product over all of them.
        const auto at_once = [](const models::Linear& l) { return l.name != "recurrent"; };
        const Symbols v = symbols(&layer);
        const auto ffn_memory = [&](const std::string& part) {
            if (layer.moe) out.memory("moe." + part, &layer, v, here);
            if (layer.dense || layer.product_key) out.memory("dense." + part, &layer, v);
        };
        switch (segment) {
            case Segment::attention_forward:
                linears(out, attention, Pass::forward, at_once);
                cores(out, layer, Pass::forward);
                linears(out, ffn, Pass::forward, router);
                out.memory("attention.forward", &layer, v);
                break;
            case Segment::attention_input:
                if (s.recompute.mla_up_proj)
                    linears(out, attention, Pass::forward, [](const models::Linear& l) {
                        return l.name.starts_with("q_b") || l.name.starts_with("kv_b");
                    });
                if (s.recompute.core_attn) cores(out, layer, Pass::forward);
                linears(out, attention, Pass::input_gradient, at_once);
                cores(out, layer, Pass::input_gradient);
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
                ffn_memory("forward");
                break;
            case Segment::ffn_input:
                if (s.recompute.mlp && layer.dense) {
                    linears(out, ffn, Pass::forward,
                            [](const models::Linear& l) { return l.cls == "dense"; });
                    out.memory("dense.forward", &layer, v);
                }
                if (s.recompute.shared_experts && !apart) linears(out, ffn, Pass::forward, shared);
                linears(out, ffn, Pass::input_gradient, others);
                ffn_memory("input_gradient");
                break;
            case Segment::ffn_weight:
                linears(out, ffn, Pass::weight_gradient, others);
                ffn_memory("weight_gradient");
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

    /// The extra of a model, as one product of its FLOPs from the hidden state.
    void tower(KernelList& out, Pass pass) const {
        topologies::Gemm q;
        q.pass = pass;
        q.format = "bf16";
        q.m = s.tokens_per_rank();
        q.in = s.model.hidden;
        q.out = s.model.extra.flops_per_token / (2 * q.in);
        out.product(s.model.extra.name, q, 1);
    }

    /// Embedding, head and MTP projection book forward, input and weight gradient in the ffn
    /// segments.
    void other(KernelList& out, const Item& item, Segment segment) const {
        const Symbols v = symbols(nullptr);
        const Pass pass = segment == Segment::ffn_forward ? Pass::forward
                          : segment == Segment::ffn_input ? Pass::input_gradient
                                                          : Pass::weight_gradient;
        const std::string suffix = "." + std::string{topologies::name(pass)};
        if (item.type == Item::Type::embedding) {
            out.memory("embedding" + suffix, nullptr, v);
            if (s.model.extra.flops_per_token > 0) tower(out, pass);
        }
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
        int launches = 0;
        bool graph = false;
        bool by_rows = false;
        for (const Kernel& k : kernels.list) {
            const Cost c = k.cost(mean_rows, mean_rows * unique_per_row);
            out.ground[static_cast<std::size_t>(c.evidence)] += c.seconds;
            out.kernels[k.name] += c.seconds;
            error += c.seconds * c.rel_error;
            total += c.seconds;
            launches += k.launches;
            if (c.seconds > 0) {
                const bool in_graph = captured(item, segment, k.name);
                graph = graph || in_graph;
                if (!in_graph) out.issue += k.issue;
            }
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
        if (graph) out.issue += s.host.graph_s;
        out.gap = launches * s.profile.launch_gap_s();
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
