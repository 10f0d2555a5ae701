#include "models/counts.hpp"

#include "models/attention.hpp"

namespace moesim::models {
namespace {

double size(const Linear& linear) {
    return static_cast<double>(linear.in) * static_cast<double>(linear.out);
}

void add_block(std::vector<Linear>& out, const std::string& prefix, const std::string& cls,
               int hidden, long width, bool gated) {
    out.push_back({prefix + (gated ? "gate_up" : "up"), cls, hidden, gated ? 2 * width : width});
    out.push_back({prefix + "down", cls, width, hidden});
}

/// How many matrices of this shape the layer holds, and how many a token passes.
double held(const Linear& linear, const Layer& layer) {
    return linear.cls == "routed" ? layer.moe->experts : 1;
}
double passed(const Linear& linear, const Layer& layer) {
    return linear.cls == "routed" ? layer.moe->top_k : 1;
}

/// Routed parameters of a layer that a token does not use.
double idle_parameters(const Layer& layer, int hidden) {
    double out = 0;
    for (const Linear& linear : ffn_linears(layer, hidden))
        out += size(linear) * (held(linear, layer) - passed(linear, layer));
    return out;
}

/// One module: the norms of its two inputs, their projection [2h, h], a layer like the model's
/// last, a final norm; embedding and head are the model's own. Source: arXiv:2412.19437,
/// section 2.2.
double mtp_module(const Model& model) {
    const double h = model.hidden;
    double out = 2 * h * h + 3 * h;
    for (const auto& [cls, count] : layer_parameters(model, model.layer(model.layer_count() - 1)))
        out += count;
    return out;
}

}  // namespace

std::vector<Linear> attention_linears(const Layer& layer, int hidden) {
    return attention_kind(layer.attention.kind).linears(layer.attention, hidden);
}

std::vector<Linear> ffn_linears(const Layer& layer, int hidden) {
    std::vector<Linear> out;
    if (layer.dense) add_block(out, "", "dense", hidden, layer.dense->width, layer.dense->gated);
    if (layer.moe) {
        const MoeFfn& moe = *layer.moe;
        out.push_back({"router", "router", hidden, moe.experts});
        const long shared = long{moe.shared_experts} * moe.shared_width;
        if (shared > 0) add_block(out, "shared_", "shared", hidden, shared, moe.gated);
        add_block(out, "", "routed", hidden, moe.width, moe.gated);
    }
    return out;
}

std::map<std::string, double> layer_parameters(const Model& model, const Layer& layer) {
    std::map<std::string, double> out;
    for (const Linear& linear : attention_linears(layer, model.hidden))
        out[linear.cls] += size(linear);
    for (const Linear& linear : ffn_linears(layer, model.hidden))
        out[linear.cls] += size(linear) * held(linear, layer);
    out["norms"] = 2.0 * model.hidden + attention_kind(layer.attention.kind).norms(layer.attention);
    return out;
}

Parameters parameters(const Model& model) {
    Parameters out;
    for (const char* cls : {"embedding", "head", "attention", "latent", "dense", "shared", "routed",
                            "router", "norms", "mtp"})
        out.by_class[cls] = 0;
    const double vocabulary = double{1} * model.vocab * model.hidden;
    out.by_class["embedding"] = vocabulary;
    out.by_class["head"] = model.tied_embedding ? 0 : vocabulary;
    out.by_class["norms"] = model.hidden;  // the final one
    double idle = 0;
    const auto layers = model.layers_of_kind();
    for (std::size_t kind = 0; kind < model.kinds.size(); ++kind) {
        for (const auto& [cls, count] : layer_parameters(model, model.kinds[kind]))
            out.by_class[cls] += count * layers[kind];
        idle += idle_parameters(model.kinds[kind], model.hidden) * layers[kind];
    }
    for (const auto& [cls, count] : out.by_class) out.total += count;
    if (model.mtp_layers > 0) out.by_class["mtp"] = mtp_module(model) * model.mtp_layers;

    out.active_with_embedding = out.total - idle;
    // A tied matrix is the head too, and that is used.
    out.active_without_input_embedding =
        out.active_with_embedding - (model.tied_embedding ? 0 : vocabulary);
    out.active_without_embedding = out.active_without_input_embedding - vocabulary;
    return out;
}

double kv_bytes_per_token(const Model& model) {
    double values = 0;
    const auto layers = model.layers_of_kind();
    for (std::size_t kind = 0; kind < model.kinds.size(); ++kind) {
        const Attention& attention = model.kinds[kind].attention;
        values += attention_kind(attention.kind).cached_values(attention) * layers[kind];
    }
    return 2 * values;
}

}  // namespace moesim::models
