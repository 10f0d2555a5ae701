#include <algorithm>

#include "scenarios/weight_traffic.hpp"

namespace moesim::scenarios {
namespace {

using Items = std::vector<Item>;

bool is_layer(const Item& item) { return item.type == Item::Type::layer; }
bool is_moe(const Item& item) { return item.moe_layer >= 0; }

/// Writes a pass through one stage, item by item. Alone, everything waits for what it needs in
/// turn; beside another pass, transfers of one run under the compute of the other.
class Pass {
public:
    Pass(Builder& b, WeightTraffic& weights, Group& g, const Part& part, int micro_batches_per_flow)
        : b_{b},
          weights_{weights},
          g_{g},
          micro_batch_{part.flow * micro_batches_per_flow + part.micro_batch} {}

    [[nodiscard]] int micro_batch() const { return micro_batch_; }

    Step compute(const Item& item, Segment segment, double beside, Step after) {
        return b_.work(g_, item, segment, beside, micro_batch_, {after}, part_);
    }
    /// What the item waits for with its weights.
    Step enter(const Item& item, bool backward, Step x) {
        return weights_.enter(g_, item, backward, x);
    }
    void leave(const Item& item, Step done) { weights_.leave(g_, item, done); }
    /// Compute between a tensor-parallel gather and scatter; done: when its output is complete.
    struct Block {
        Step computed, done;
    };
    /// Beside its GEMMs (overlap "tp") a gather needs no time of its own and a scatter that of its
    /// last part, one of as many as there are ranks.
    Block sharded(const Item& item, Segment segment, bool contended, Step x) {
        const int t = b_.s.parallel.tensor;
        if (t == 1) {
            x = compute(item, segment, contended, x);
            return {x, x};
        }
        if (!b_.s.overlap.tp) {
            x = compute(item, segment, contended, gather(item, contended, x));
            return {x, gather(item, contended, x)};
        }
        Step beside = b_.tensor(g_, item, micro_batch_, true, {x});
        beside = b_.tensor(g_, item, micro_batch_, true, {beside}, (t - 1.0) / t);
        x = compute(item, segment, true, x);
        return {x, b_.tensor(g_, item, micro_batch_, contended, {x.with(beside)}, 1.0 / t)};
    }
    Step move(const Item& item, Exchange what, double beside, Step after) {
        return b_.exchange(g_, item, what, beside, micro_batch_, {after}, part_);
    }
    /// A tensor-parallel gather or scatter; nothing without tensor parallelism.
    Step gather(const Item& item, double beside, Step after) {
        return b_.s.parallel.tensor > 1
                   ? b_.tensor(g_, item, micro_batch_, beside, {after}, part_, part_)
                   : after;
    }
    /// What the experts' ranks gather before their GEMMs, and scatter behind them.
    Step before_experts(const Item& item, bool backward, double beside, Step x) {
        x = b_.expert_tensor(g_, item, micro_batch_, backward, true, beside, {x}, part_);
        return shared_by_tensor(item) ? gather(item, beside, x) : x;
    }
    Step behind_experts(const Item& item, bool backward, double beside, Step x) {
        if (shared_by_tensor(item)) x = gather(item, beside, x);
        return b_.expert_tensor(g_, item, micro_batch_, backward, false, beside, {x}, part_);
    }

    Step attention(const Item& item, bool contended, Step x) {
        return core(item, Segment::attention_forward, contended, x).done;
    }
    Block attention_gradient(const Item& item, bool contended, Step x) {
        return core(item, Segment::attention_input, contended, x);
    }
    /// The block behind the attention, without its exchanges.
    Block ffn(const Item& item, Segment segment, bool contended, Step x) {
        if (!is_layer(item)) {
            x = compute(item, segment, contended, x);
            return {x, x};
        }
        if (!is_moe(item)) return sharded(item, segment, contended, x);
        const bool backward = segment != Segment::ffn_forward;
        x = before_experts(item, backward, contended, x);
        const Step computed = compute(item, segment, contended, x);
        return {computed, behind_experts(item, backward, contended, computed)};
    }

    /// Forward through one item with nothing beside it.
    Step forward(const Item& item, Step x) { return through(item, enter(item, false, x)); }

    /// Backward through one item with nothing beside it. whole: weight gradients at once, as
    /// automatic differentiation does; else input gradients only.
    Step backward(const Item& item, bool whole, Step x) {
        x = enter(item, true, x);
        if (!is_layer(item)) {
            x = compute(item, Segment::ffn_input, false, x);
            if (whole) leave(item, x = compute(item, Segment::ffn_weight, false, x));
            return x;
        }
        x = experts_gradient(item, whole, rebuild(item, x));
        // Weight gradients wait for no scatter; the scatter of input gradients runs under them.
        const Block attention = attention_gradient(item, false, x);
        x = attention.done;
        if (!whole) return x;
        const Step last = compute(item, Segment::attention_weight, false, attention.computed);
        leave(item, last);
        return x.with(last);
    }

    void weights(const Item& item) {
        Step last = compute(item, Segment::ffn_weight, false, {});
        if (has_shared_apart(item)) last = compute(item, Segment::shared_weight, false, {});
        if (is_layer(item)) last = compute(item, Segment::attention_weight, false, {});
        leave(item, last);
    }

private:
    Step through(const Item& item, Step x) {
        if (!is_layer(item)) return compute(item, Segment::ffn_forward, false, x);
        x = attention(item, false, x);
        return is_moe(item) ? experts(item, x) : ffn(item, Segment::ffn_forward, false, x).done;
    }

    /// The tokens of a MoE layer in parts: transfers of one part under the experts of another.
    ///
    ///   transfers  d1 d2 d3 .. c1 c2 c3      dispatch and gather; scatter and combine, which wait
    ///   compute       e1 e2 e3               for their experts, as experts for their dispatch
    ///
    /// In kernels of their own (Tutel, PipeMoE) or as tiles of fused ones (Comet, arXiv:2502.19811:
    /// thread blocks of one kernel move tiles while others compute). Weight gradients follow each
    /// part, as automatic differentiation has them; with tiles they are one kernel, which has all
    /// its input only at the end and runs under what is sent back.
    Step in_parts(const Item& item, bool backward, bool whole, Step x) {
        const Exchange first = backward ? Exchange::combine_gradient : Exchange::dispatch;
        const Exchange last = backward ? Exchange::dispatch_gradient : Exchange::combine;
        const Segment segment = backward ? Segment::ffn_input : Segment::ffn_forward;
        const Builder::Beside beside = b_.side_by_side(g_, item, micro_batch_, backward, whole);
        part_ = 1.0 / b_.s.chunks;
        std::vector<Step> parts(static_cast<std::size_t>(b_.s.chunks));
        for (Step& part : parts)
            part = before_experts(item, backward, beside.transfers,
                                  move(item, first, beside.transfers, x));
        for (Step& part : parts) {
            b_.goes_on = b_.s.tiles && &part != &parts.front();
            part = compute(item, segment, beside.compute, part);
            if (whole && !b_.s.tiles)
                part = part.with(compute(item, Segment::ffn_weight, beside.compute, part));
        }
        b_.goes_on = false;
        const Step computed = parts.back();
        for (Step& part : parts)
            part = move(item, last, beside.transfers,
                        behind_experts(item, backward, beside.transfers, part));
        part_ = 1;
        if (!whole || !b_.s.tiles) return parts.back();
        return parts.back().with(compute(item, Segment::ffn_weight, beside.compute, computed));
    }

    /// Dispatch, experts, combine; the shared expert under the dispatch where the plan says so.
    Step experts(const Item& item, Step x) {
        if (!has_shared_apart(item) && b_.s.chunks > 1) return in_parts(item, false, false, x);
        if (!has_shared_apart(item)) {
            const Step sent = move(item, Exchange::dispatch, false, x);
            const Step routed = ffn(item, Segment::ffn_forward, false, sent).done;
            return move(item, Exchange::combine, false, routed);
        }
        const Step sent = move(item, Exchange::dispatch, true, x);
        const Step shared = sharded(item, Segment::shared_forward, true, x).done;
        const Step routed = ffn(item, Segment::ffn_forward, false, sent).done;
        return move(item, Exchange::combine, false, routed).with(shared);
    }

    Step experts_gradient(const Item& item, bool whole, Step x) {
        const auto gradients = [&](Step part) {
            const Block block = ffn(item, Segment::ffn_input, false, part);
            return whole
                       ? block.done.with(compute(item, Segment::ffn_weight, false, block.computed))
                       : block.done;
        };
        if (!is_moe(item)) return gradients(x);
        if (!has_shared_apart(item)) {
            if (b_.s.chunks > 1) return in_parts(item, true, whole, x);
            const Step back = gradients(move(item, Exchange::combine_gradient, false, x));
            return move(item, Exchange::dispatch_gradient, false, back);
        }
        const Step back = move(item, Exchange::combine_gradient, true, x);
        const Block shared = sharded(item, Segment::shared_input, true, x);
        const Step home = move(item, Exchange::dispatch_gradient, whole, gradients(back));
        Step out = home.with(shared.done);
        if (whole) out = out.with(compute(item, Segment::shared_weight, true, shared.computed));
        return out;
    }
    /// Whether the shared expert has segments of its own.
    [[nodiscard]] bool has_shared_apart(const Item& item) const {
        return b_.s.overlap.shared_expert && is_moe(item) &&
               b_.s.model.kinds[static_cast<std::size_t>(item.kind)].moe->shared_experts > 0;
    }

    /// Recomputation that needs more than the layer's own segments: a whole layer, or a whole MoE
    /// block.
    Block core(const Item& item, Segment segment, bool contended, Step x) {
        if (b_.s.parallel.context == 1) return sharded(item, segment, contended, x);
        const bool backward = segment == Segment::attention_input;
        const Step exchanged = b_.context(g_, item, micro_batch_, backward, {x});
        if (b_.s.context_kind == "alltoall")  // nothing to compute on meanwhile
            return sharded(item, segment, contended, exchanged);
        Block block = sharded(item, segment, contended, x);
        block.done = block.done.with(exchanged);
        return block;
    }
    /// Whether the layer has a shared expert that is cut by tensor parallelism.
    [[nodiscard]] bool shared_by_tensor(const Item& item) const {
        return b_.s.parallel.tensor > 1 && !b_.s.overlap.shared_expert &&
               b_.s.model.kinds[static_cast<std::size_t>(item.kind)].moe->shared_experts > 0;
    }

    Step rebuild(const Item& item, Step x) {
        if (b_.s.recompute.full) return through(item, x);
        if (!b_.s.recompute.moe || !is_moe(item)) return x;
        x = move(item, Exchange::dispatch, false, x);
        return compute(item, Segment::ffn_forward, false, x);
    }

    Builder& b_;
    WeightTraffic& weights_;
    Group& g_;
    int micro_batch_;
    double part_ = 1;  // of the tokens
};

void keep(Builder& b, Group& g, const Items& stage, int micro_batch, Step from, Step until) {
    double bytes = 0;
    for (const Item& item : stage) bytes += b.activation_bytes(item, micro_batch, g.replica);
    b.memory(g, from, false, MemoryClass::activations, bytes);
    b.memory(g, until, true, MemoryClass::activations, -bytes);
}

/// A forward and a backward as one overlapped unit, layer by layer:
///
///   transfers  combine(B)    dispatch(F)     dispatch(B)               combine(F)
///   compute    attention(F)  experts I(B)    experts W(B), experts(F)  attention I(B), attention
///   W(B)
///
/// Source: deepseek-ai/profile-data, training trace; arXiv:2412.19437, section 3.2.1.
Outputs write_pair(Builder& b, Pass& forward, const Items& f, Pass& backward, const Items& reversed,
                   Step x, Step y) {
    std::size_t i = 0, j = 0;
    while (i < f.size() || j < reversed.size()) {
        if (j < reversed.size() && !is_layer(reversed[j])) {
            y = backward.backward(reversed[j++], true, y);
            continue;
        }
        if (i < f.size() && !is_layer(f[i])) {
            x = forward.forward(f[i++], x);
            continue;
        }
        if (j == reversed.size()) {
            x = forward.forward(f[i++], x);
            continue;
        }
        if (i == f.size()) {
            y = backward.backward(reversed[j++], true, y);
            continue;
        }
        const Item &a = f[i++], &c = reversed[j++];
        if (b.s.recompute.full || b.s.recompute.moe) {  // rebuilt alone, then overlapped
            x = forward.forward(a, x);
            y = backward.backward(c, true, y);
            continue;
        }
        const bool beside_c = is_moe(c),
                   beside_a = is_moe(a);  // whose transfers run beside compute
        x = forward.enter(a, false, x);
        y = backward.enter(c, true, y);
        if (is_moe(c)) y = backward.move(c, Exchange::combine_gradient, true, y);
        x = forward.attention(a, beside_c, x);
        if (is_moe(a)) x = forward.move(a, Exchange::dispatch, true, x);
        const Pass::Block block = backward.ffn(c, Segment::ffn_input, beside_a, y);
        const Step inner = block.done;
        y = inner;
        backward.compute(c, Segment::ffn_weight, beside_a || beside_c, block.computed);
        if (is_moe(c)) y = backward.move(c, Exchange::dispatch_gradient, true, inner);
        x = forward.ffn(a, Segment::ffn_forward, beside_c, x).done;
        if (is_moe(a)) x = forward.move(a, Exchange::combine, true, x);
        const Pass::Block attention = backward.attention_gradient(c, beside_a, y);
        y = attention.done;
        backward.leave(c, backward.compute(c, Segment::attention_weight, beside_a || beside_c,
                                           attention.computed));
    }
    return {x, y};
}

}  // namespace

Outputs write_slot(Builder& b, WeightTraffic& weights, Group& g, const Slot& slot,
                   const std::vector<Items>& stages, Step forward_input, Step backward_input) {
    const int per_flow = b.s.micro_batches() / b.s.schedule->flows();
    const bool beside = b.s.overlap.ep;  // else the halves of a pair take turns
    const auto stage = [&](const Part& part) -> const Items& {
        return stages[static_cast<std::size_t>(part.stage)];
    };
    const auto reversed = [&](const Part& part) {
        return Items(stage(part).rbegin(), stage(part).rend());
    };
    g.unit = b.out.graph.add_unit(
        {slot.kind, g.lanes.front().rank_class,
         slot.kind == sim::UnitKind::forward || slot.kind == sim::UnitKind::pair
             ? slot.forward.micro_batch
             : slot.backward.micro_batch,
         slot.backward.stage});
    const auto begin = static_cast<sim::TaskId>(b.out.graph.tasks.size());
    Outputs out{forward_input, backward_input};
    Pass forward{b, weights, g, slot.forward, per_flow},
        backward{b, weights, g, slot.backward, per_flow};
    if (slot.kind == sim::UnitKind::forward || slot.kind == sim::UnitKind::pair)
        weights.begin_forward(g, slot.forward.stage);
    if (slot.kind != sim::UnitKind::forward && slot.kind != sim::UnitKind::input_gradient)
        weights.begin_gradients(g, slot.backward.stage);
    switch (slot.kind) {
        case sim::UnitKind::forward:
            for (const Item& item : stage(slot.forward))
                out.forward = forward.forward(item, out.forward);
            break;
        case sim::UnitKind::backward:
        case sim::UnitKind::input_gradient:
            for (const Item& item : reversed(slot.backward))
                out.backward =
                    backward.backward(item, slot.kind == sim::UnitKind::backward, out.backward);
            break;
        case sim::UnitKind::weight_gradient:
            for (const Item& item : reversed(slot.backward)) backward.weights(item);
            break;
        case sim::UnitKind::pair:
            if (beside) {
                out = write_pair(b, forward, stage(slot.forward), backward, reversed(slot.backward),
                                 forward_input, backward_input);
                break;
            }
            for (const Item& item : stage(slot.forward))
                out.forward = forward.forward(item, out.forward);
            for (const Item& item : reversed(slot.backward))
                out.backward = backward.backward(item, true, out.backward);
            break;
        case sim::UnitKind::optimizer:
            break;
    }
    const auto end = static_cast<sim::TaskId>(b.out.graph.tasks.size());
    if (begin == end) return out;
    // What a stage keeps lives from the begin of its forward to the end of its weight gradients.
    const auto lanes = static_cast<sim::TaskId>(g.lanes.size());
    const Step first{begin, true};
    Step last{b.out.graph.stream_tasks[g.lanes.front().compute].back(), lanes == 1};
    if (slot.kind == sim::UnitKind::forward || slot.kind == sim::UnitKind::pair)
        keep(b, g, stage(slot.forward), forward.micro_batch(), first, {});
    if (slot.kind == sim::UnitKind::backward || slot.kind == sim::UnitKind::weight_gradient ||
        slot.kind == sim::UnitKind::pair)
        keep(b, g, stage(slot.backward), backward.micro_batch(), {}, last);
    return out;
}

}  // namespace moesim::scenarios
