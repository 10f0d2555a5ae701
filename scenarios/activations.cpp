#include <algorithm>
#include <cmath>

#include "scenarios/builder.hpp"
#include "scenarios/mixer_memory.hpp"

namespace moesim::scenarios {

/// What a layer keeps for its backward pass, per rank and micro-batch (T tokens, A routed rows):
///   for each part with a norm (mixer, feed-forward): its input 2 T h, the norm's output lin T h
///   unless recomputed
///   what the mixer keeps, mixer_memory.hpp
///   router probabilities 4 T E and map 8 T k
///   expert input A h lin, gate and up 2 A 2f, product lin A f unless recomputed, row maps 12 A;
///   with latent experts A l lin instead, and the latents 2 T l
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
    const Recompute& r = s.recompute;
    const int parts = layer.blocks * (layer.attention.present() + layer.dense.has_value()) +
                      ((layer.moe && !layer.dense) || layer.product_key) + layer.cross.has_value();
    double bytes = parts * (2 * T * h + (r.layernorm ? 0 : lin * T * h));
    bytes += mixer_bytes(s, layer, T);
    const auto block = [&](double rows, double in, double width, bool gated) {
        return rows * in * lin + 2 * rows * width * (gated ? 2 : 1) +
               (r.moe_act ? 0 : lin * rows * width);
    };
    if (layer.dense && !r.mlp)
        bytes += layer.blocks * block(T, h, layer.dense->width, layer.dense->gated);
    if (layer.product_key)  // queries, scores against the sub-keys, and the neurons' values
        bytes += 2 * T * layer.product_key->heads *
                 (layer.product_key->key_dim + 2 * std::sqrt(layer.product_key->experts) +
                  2.0 * layer.product_key->top_k);
    if (!layer.moe) return bytes;
    const models::MoeFfn& moe = *layer.moe;
    bytes += 4 * T * moe.experts + 8 * T * moe.top_k;
    if (r.moe) return bytes + 2 * T * h;
    const std::vector<double>& rows = load(item, micro_batch, replica, false).rows;
    const double A = *std::max_element(rows.begin(), rows.end());
    const double l = moe.payload(s.model.hidden);
    bytes += block(A, l, 1.0 * moe.width / s.parallel.expert_tensor, moe.gated) + 12 * A +
             (moe.latent > 0 ? 2 * T * l : 0);
    if (moe.shared_experts > 0 && !r.shared_experts)
        bytes += block(T, h, 1.0 * moe.shared_experts * moe.shared_width, moe.gated);
    return bytes;
}

}  // namespace moesim::scenarios
