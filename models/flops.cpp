#include "models/attention.hpp"
#include "models/counts.hpp"

namespace moesim::models {
namespace {

/// Multiply-adds of a token in a layer's matrices, router left out.
double matrix_work(const Layer& layer, int hidden) {
    double out = 0;
    const auto add = [&](const std::vector<Linear>& linears) {
        for (const Linear& l : linears) {
            if (l.cls == "router") continue;
            const double times = l.cls == "routed" ? layer.moe->top_k : 1;
            out += static_cast<double>(l.in) * static_cast<double>(l.out) * times;
        }
    };
    add(attention_linears(layer, hidden));
    add(ffn_linears(layer, hidden));
    return out;
}

double core(const Layer& layer, long sequence, bool causal) {
    return attention_kind(layer.attention.kind).core_flops(layer.attention, sequence, causal);
}

/// Training FLOPs of a layer as num_floating_point_operations counts them: the causal half of the
/// scores always, and one multiply-add per element of the low-rank norms.
double megatron_layer(const Layer& layer, int hidden, long sequence) {
    const double norms = attention_kind(layer.attention.kind).norms(layer.attention);
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
    double noncausal = 2 * head;
    out.forward_causal = 2 * head;
    out.megatron = 6 * head * (model.mtp_layers + 1);
    const auto layers = model.layers_of_kind();
    for (std::size_t kind = 0; kind < model.kinds.size(); ++kind) {
        const Layer& layer = model.kinds[kind];
        const double matrices = 2 * matrix_work(layer, model.hidden);
        out.forward_causal += layers[kind] * (matrices + core(layer, sequence, true));
        noncausal += layers[kind] * (matrices + core(layer, sequence, false));
        out.megatron += layers[kind] * megatron_layer(layer, model.hidden, sequence);
    }
    const Layer& last = model.layer(model.layer_count() - 1);
    out.megatron +=
        model.mtp_layers * (megatron_layer(last, model.hidden, sequence) + 6 * (3 * h + 2 * h * h));
    out.training_causal = 3 * out.forward_causal;
    out.training_noncausal = 3 * noncausal;
    return out;
}

}  // namespace moesim::models
