#include <nlohmann/json.hpp>

#include "models/model.hpp"

namespace moesim::models {
namespace {

using Json = nlohmann::ordered_json;

/// `out[key] = value` unless it is the default that most kinds have.
template <class Value>
void put(Json& out, const char* key, const Value& value, const Value& usual) {
    if (!(value == usual)) out[key] = value;
}

Json json(const Attention& a) {
    Json out{{"kind", a.kind},         {"heads", a.heads},       {"kv_heads", a.kv_heads},
             {"head_dim", a.head_dim}, {"q_rank", a.q_rank},     {"kv_rank", a.kv_rank},
             {"nope_dim", a.nope_dim}, {"rope_dim", a.rope_dim}, {"v_dim", a.v_dim}};
    const Attention usual;
    put(out, "window", a.window, usual.window);
    put(out, "chunk", a.chunk, usual.chunk);
    put(out, "causal", a.causal, usual.causal);
    put(out, "qk_norm", a.qk_norm, usual.qk_norm);
    put(out, "gate", a.gate, usual.gate);
    put(out, "shares_kv", a.shares_kv, usual.shares_kv);
    put(out, "bias", a.bias, usual.bias);
    put(out, "index_heads", a.index_heads, usual.index_heads);
    put(out, "index_dim", a.index_dim, usual.index_dim);
    put(out, "index_top_k", a.index_top_k, usual.index_top_k);
    put(out, "compress", a.compress, usual.compress);
    put(out, "o_groups", a.o_groups, usual.o_groups);
    put(out, "o_rank", a.o_rank, usual.o_rank);
    put(out, "experts", a.experts, usual.experts);
    put(out, "top_k", a.top_k, usual.top_k);
    put(out, "width", a.width, usual.width);
    put(out, "state", a.state, usual.state);
    put(out, "groups", a.groups, usual.groups);
    put(out, "conv", a.conv, usual.conv);
    put(out, "dt_rank", a.dt_rank, usual.dt_rank);
    put(out, "scan_chunk", a.scan_chunk, usual.scan_chunk);
    return out;
}

Json json(const DenseFfn& d) { return {{"width", d.width}, {"gated", d.gated}}; }

Json json(const MoeFfn& m) {
    Json out{{"experts", m.experts},
             {"top_k", m.top_k},
             {"width", m.width},
             {"gated", m.gated},
             {"shared_experts", m.shared_experts},
             {"shared_width", m.shared_width},
             {"groups", m.groups},
             {"group_limit", m.group_limit},
             {"router", m.router}};
    const MoeFfn usual;
    put(out, "shared_gate", m.shared_gate, usual.shared_gate);
    put(out, "bias", m.bias, usual.bias);
    put(out, "per_group", m.per_group, usual.per_group);
    put(out, "zero_experts", m.zero_experts, usual.zero_experts);
    put(out, "latent", m.latent, usual.latent);
    put(out, "gate_groups", m.gate_groups, usual.gate_groups);
    put(out, "gate_choices", m.gate_choices, usual.gate_choices);
    put(out, "other_experts", m.other_experts, usual.other_experts);
    put(out, "other_width", m.other_width, usual.other_width);
    return out;
}

Json json(const ProductKeyFfn& p) {
    return {{"experts", p.experts}, {"heads", p.heads}, {"top_k", p.top_k}, {"key_dim", p.key_dim}};
}

Json json(const Layer& layer) {
    Json out;
    out["attention"] = json(layer.attention);
    if (layer.cross) out["cross"] = json(*layer.cross);
    if (layer.dense) out["dense"] = json(*layer.dense);
    if (layer.moe) out["moe"] = json(*layer.moe);
    if (layer.product_key) out["product_key"] = json(*layer.product_key);
    put(out, "blocks", layer.blocks, 1);
    return out;
}

/// Neighbouring layers of one kind as {first, count, kind}.
Json runs(const std::vector<int>& layers) {
    Json out = Json::array();
    for (std::size_t i = 0; i < layers.size(); ++i) {
        if (i > 0 && layers[i] == layers[i - 1])
            out.back()["count"] = out.back()["count"].get<int>() + 1;
        else
            out.push_back({{"first", i}, {"count", 1}, {"kind", layers[i]}});
    }
    return out;
}

Json maybe(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

}  // namespace

nlohmann::ordered_json Model::resolved() const {
    Json out;
    out["name"] = name;
    out["title"] = title;
    out["hidden"] = hidden;
    out["vocab"] = vocab;
    out["tied_embedding"] = tied_embedding;
    out["mtp_layers"] = mtp_layers;
    out["max_sequence"] = max_sequence;
    out["layers"] = layer_count();
    out["runs"] = runs(layers);
    out["kinds"] = Json::array();
    for (const Layer& kind : kinds) out["kinds"].push_back(json(kind));
    put(out, "position_embeddings", position_embeddings, 0);
    put(out, "encoder_layers", encoder_layers, 0);
    put(out, "mtp_kind", mtp_kind, -1);
    if (!(extra == Extra{}))
        out["extra"] = {{"name", extra.name},
                        {"parameters", extra.parameters},
                        {"active", extra.active},
                        {"flops_per_token", extra.flops_per_token}};
    put(out, "assumed", assumed, std::string{});
    out["published"] = {{"total", maybe(published_total)},
                        {"active", maybe(published_active)},
                        {"active_convention", active_convention}};
    out["confidence"] = confidence;
    return out;
}

}  // namespace moesim::models
