#include "models/attention.hpp"
#include "models/counts.hpp"

namespace moesim::models {
namespace {

/// Multiply-adds of a token in a layer's matrices, router left out.
double matrix_work(const Layer& layer, int hidden) {
    double out = 0;
    for (const auto& linears : {attention_linears(layer, hidden), ffn_linears(layer, hidden)})
        for (const Linear& l : linears)
            if (l.cls != "router")
                out += static_cast<double>(l.in) * static_cast<double>(l.out) * l.passed;
    return out;
}

double core(const Layer& layer, long sequence, bool causal) {
    const auto of = [&](const Attention& a) {
        return attention_kind(a.kind).core_flops(a, sequence, causal);
    };
    return layer.blocks * of(layer.attention) + (layer.cross ? of(*layer.cross) : 0);
}

/// A mixer as Megatron-LM counts it: every key, no indexer.
Attention plain(Attention a) {
    a.window = a.chunk = a.index_heads = a.index_dim = a.index_top_k = 0;
    return a;
}

/// Training FLOPs of a layer as num_floating_point_operations counts them: the causal half of the
/// scores always, and one multiply-add per element of the low-rank norms.
double megatron_layer(Layer layer, int hidden, long sequence) {
    layer.attention = plain(layer.attention);
    if (layer.cross) layer.cross = plain(*layer.cross);
    const Attention& a = layer.attention;
    const double norms = a.kind == "mla" ? 1.0 * layer.blocks * (a.q_rank + a.kv_rank) : 0;
    return 6 * (matrix_work(layer, hidden) + norms) + 3 * core(layer, sequence, true);
}

}  // namespace

// Convention of the first three: arXiv:2412.19437 (its MFU of 38.94 and 43.73 % follows only
// without router and MTP). Megatron: NVIDIA/Megatron-LM, megatron/training/training.py,
// num_floating_point_operations; a vocabulary is taken as it is, Megatron pads it.
Flops flops_per_token(const Model& model, long sequence) {
    Flops out;
    const double h = model.hidden;
    const double head = h * model.vocab;
    double noncausal = 2 * head + model.extra.flops_per_token;
    out.forward_causal = 2 * head + model.extra.flops_per_token;
    out.megatron = 6 * head * (model.mtp_layers + 1);
    const auto layers = model.layers_of_kind();
    for (std::size_t kind = 0; kind < model.kinds.size(); ++kind) {
        const Layer& layer = model.kinds[kind];
        const double matrices = 2 * matrix_work(layer, model.hidden);
        out.forward_causal += layers[kind] * (matrices + core(layer, sequence, true));
        noncausal += layers[kind] * (matrices + core(layer, sequence, false));
        out.megatron += layers[kind] * megatron_layer(layer, model.hidden, sequence);
    }
    const Layer& last = model.kinds[static_cast<std::size_t>(model.mtp_layer_kind())];
    out.megatron +=
        model.mtp_layers * (megatron_layer(last, model.hidden, sequence) + 6 * (3 * h + 2 * h * h));
    out.training_causal = 3 * out.forward_causal;
    out.training_noncausal = 3 * noncausal;
    return out;
}

}  // namespace moesim::models
