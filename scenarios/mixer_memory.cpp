#include "scenarios/mixer_memory.hpp"

#include "models/attention.hpp"

namespace moesim::scenarios {
namespace {

double softmax_bytes(const Scenario& s, const models::Attention& a, double tokens) {
    const double lin = s.recipe.linear_input_bytes, T = tokens;
    double bytes = lin * T * a.heads * a.value_dim() + 4 * T * a.heads;
    if (a.kind == "mla") {
        bytes += lin * T * (a.q_rank + a.kv_rank + a.rope_dim);
        if (!s.recompute.mla_up_proj) bytes += 2 * T * a.heads * (2.0 * a.qk_dim() + a.value_dim());
        return bytes + 2 * T * a.index_heads * a.index_dim;
    }
    const double keys = a.shares_kv ? 0 : double{1} * a.kv_heads * (a.head_dim + a.value_dim());
    bytes += 2 * T * (double{1} * a.heads * a.head_dim + keys) + lin * T * a.q_rank;
    return bytes + (a.gate ? 2 * T * a.heads * a.value_dim() : 0);
}

double recurrent_bytes(const Scenario& s, const models::Attention& a, double tokens) {
    double bytes = s.recipe.linear_input_bytes * tokens * a.heads * a.value_dim();
    double widest = 0;  // the convolution runs over most of the first projection
    for (const models::Linear& l : models::attention_kind(a.kind).linears(a, s.model.hidden)) {
        if (l.name == "o") continue;
        bytes += 2 * tokens * static_cast<double>(l.out);
        widest = std::max(widest, static_cast<double>(l.out));
    }
    return bytes + (a.conv > 0 ? 2 * tokens * widest : 0);
}

double one(const Scenario& s, const models::Attention& a, double tokens) {
    if (!a.present()) return 0;
    return a.softmax() ? softmax_bytes(s, a, tokens) : recurrent_bytes(s, a, tokens);
}

}  // namespace

double mixer_bytes(const Scenario& s, const models::Layer& layer, double tokens) {
    return layer.blocks * one(s, layer.attention, tokens) +
           (layer.cross ? one(s, *layer.cross, tokens) : 0);
}

}  // namespace moesim::scenarios
