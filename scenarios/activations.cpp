#include <algorithm>

#include "scenarios/builder.hpp"

namespace moesim::scenarios {

/// What a layer keeps for its backward pass, per rank and micro-batch (T tokens, A routed rows):
///   layer input and residual 2 x 2 T h; norm outputs 2 x lin T h unless recomputed
///   MLA latents T (q + c + r) lin, up-projected q, k, v unless recomputed; GQA q, k, v
///   attention output lin T a v and softmax statistics 4 T a
///   router probabilities 4 T E and map 8 T k
///   expert input A h lin, gate and up 2 A 2f, product lin A f unless recomputed, row maps 12 A
///   shared or dense block likewise; lin: bytes per element that a linear keeps of its input
/// Source: the table of Megatron-LM's theoretical_memory_usage.py carried over to MoE layers.
double Builder::activation_bytes(const Item& item, int micro_batch, int replica) const {
    const double T = s.tokens_per_rank(), h = s.model.hidden;
    const double lin = s.recipe.linear_input_bytes;
    if (item.type == Item::Type::embedding) return 8 * T;
    if (item.type == Item::Type::mtp_projection) return 2 * T * h * lin;
    if (item.type == Item::Type::head)  // input and the logits' gradient in BF16
        return 2 * T * h + 2 * T * s.model.vocab / s.parallel.tensor * s.parallel.tensor;
    if (s.recompute.full) return 2 * T * h;
    const models::Layer& layer = s.model.kinds[static_cast<std::size_t>(item.kind)];
    const models::Attention& a = layer.attention;
    const Recompute& r = s.recompute;
    double bytes = 2 * 2 * T * h + (r.layernorm ? 0 : 2 * lin * T * h);
    if (a.kind == "mla") {
        bytes += lin * T * (a.q_rank + a.kv_rank + a.rope_dim);
        if (!r.mla_up_proj) bytes += 2 * T * a.heads * (2.0 * a.qk_dim() + a.value_dim());
    } else {
        bytes += 2 * T * (a.heads + 2.0 * a.kv_heads) * a.head_dim;
    }
    bytes += lin * T * a.heads * a.value_dim() + 4 * T * a.heads;
    const auto block = [&](double rows, double width, bool gated) {
        return rows * h * lin + 2 * rows * width * (gated ? 2 : 1) +
               (r.moe_act ? 0 : lin * rows * width);
    };
    if (layer.dense) return bytes + (r.mlp ? 0 : block(T, layer.dense->width, layer.dense->gated));
    const models::MoeFfn& moe = *layer.moe;
    bytes += 4 * T * moe.experts + 8 * T * moe.top_k;
    if (r.moe) return bytes + 2 * T * h;
    const std::vector<double>& rows = load(item, micro_batch, replica, false).rows;
    const double A = *std::max_element(rows.begin(), rows.end());
    bytes += block(A, 1.0 * moe.width / s.parallel.expert_tensor, moe.gated) + 12 * A;
    if (moe.shared_experts > 0 && !r.shared_experts)
        bytes += block(T, 1.0 * moe.shared_experts * moe.shared_width, moe.gated);
    return bytes;
}

}  // namespace moesim::scenarios
