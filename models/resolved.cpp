#include <nlohmann/json.hpp>

#include "models/model.hpp"

namespace moesim::models {
namespace {

using Json = nlohmann::ordered_json;

Json json(const Attention& a) {
    return {{"kind", a.kind},         {"heads", a.heads},       {"kv_heads", a.kv_heads},
            {"head_dim", a.head_dim}, {"q_rank", a.q_rank},     {"kv_rank", a.kv_rank},
            {"nope_dim", a.nope_dim}, {"rope_dim", a.rope_dim}, {"v_dim", a.v_dim}};
}

Json json(const DenseFfn& d) { return {{"width", d.width}, {"gated", d.gated}}; }

Json json(const MoeFfn& m) {
    return {{"experts", m.experts},
            {"top_k", m.top_k},
            {"width", m.width},
            {"gated", m.gated},
            {"shared_experts", m.shared_experts},
            {"shared_width", m.shared_width},
            {"groups", m.groups},
            {"group_limit", m.group_limit},
            {"router", m.router}};
}

Json json(const Layer& layer) {
    Json out;
    out["attention"] = json(layer.attention);
    if (layer.dense) out["dense"] = json(*layer.dense);
    if (layer.moe) out["moe"] = json(*layer.moe);
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
    out["published"] = {{"total", maybe(published_total)},
                        {"active", maybe(published_active)},
                        {"active_convention", active_convention}};
    out["confidence"] = confidence;
    return out;
}

}  // namespace moesim::models
