#include "models/counts.hpp"

#include <cmath>

#include "models/attention.hpp"

namespace moesim::models {
namespace {

double size(const Linear& linear) {
    return static_cast<double>(linear.in) * static_cast<double>(linear.out);
}

double held(const Linear& linear) { return size(linear) * linear.held; }

void add_block(std::vector<Linear>& out, const std::string& prefix, const std::string& cls,
               int hidden, long width, bool gated, double held = 1, double passed = 1) {
    out.push_back({prefix + (gated ? "gate_up" : "up"), cls, hidden, gated ? 2 * width : width,
                   held, passed});
    out.push_back({prefix + "down", cls, width, hidden, held, passed});
}

/// One score per expert and token; none when a hash of the token chooses. Two levels: a gate over
/// groups, and one over the experts of each group that is chosen. Noisy gates (arXiv:1701.06538,
/// section 2.1) have a second matrix for the noise.
void add_router(std::vector<Linear>& out, const MoeFfn& moe, int hidden) {
    if (moe.router == "hash") return;
    const long scores = long{moe.experts} + moe.zero_experts;
    const auto gate = [&](const std::string& name) {
        if (moe.gate_groups == 0) {
            out.push_back({name, "router", hidden, scores});
            return;
        }
        out.push_back({name, "router", hidden, moe.gate_groups});
        out.push_back({name + "_inner", "router", hidden, scores / moe.gate_groups,
                       1.0 * moe.gate_groups, 1.0 * moe.gate_choices});
    };
    gate("router");
    if (moe.router == "noisy_softmax") gate("router_noise");
}

void add_moe(std::vector<Linear>& out, const MoeFfn& moe, int hidden) {
    add_router(out, moe, hidden);
    if (moe.latent > 0) out.push_back({"latent_in", "latent", hidden, moe.latent});
    const long shared = long{moe.shared_experts} * moe.shared_width;
    if (shared > 0) add_block(out, "shared_", "shared", hidden, shared, moe.gated);
    if (moe.shared_gate) out.push_back({"shared_gate", "router", hidden, 1});
    add_block(out, "", "routed", moe.payload(hidden), moe.width, moe.gated, moe.experts,
              moe.real_choices());
    if (moe.other_experts > 0)
        add_block(out, "other_", "routed", moe.payload(hidden), moe.other_width, moe.gated,
                  moe.other_experts, 0);
    if (moe.latent > 0) out.push_back({"latent_out", "latent", moe.latent, hidden});
}

/// Two sub-keys per head, each against sqrt(experts) keys of half the query; an expert is one
/// neuron, a row in and a row out.
void add_product_key(std::vector<Linear>& out, const ProductKeyFfn& p, int hidden) {
    const double each = 2.0 * p.heads, chosen = 1.0 * p.heads * p.top_k;
    out.push_back({"query", "dense", hidden, long{p.heads} * p.key_dim});
    out.push_back({"sub_keys", "dense", p.key_dim / 2,
                   static_cast<long>(std::lround(std::sqrt(p.experts))), each, each});
    out.push_back({"neuron_in", "product_key", hidden, 1, 1.0 * p.experts, chosen});
    out.push_back({"neuron_out", "product_key", 1, hidden, 1.0 * p.experts, chosen});
}

/// Parameters of a layer that a token does not use.
double idle_parameters(const Layer& layer, int hidden) {
    double out = 0;
    for (const auto& linears :
         {attention_linears(layer, hidden), ffn_linears(layer, hidden), ffn_vectors(layer, hidden)})
        for (const Linear& linear : linears) out += size(linear) * (linear.held - linear.passed);
    return out;
}

double norms(const Layer& layer, int hidden) {
    const auto inside = [](const Attention& a) { return attention_kind(a.kind).norms(a); };
    double out = 0;
    if (layer.attention.present()) out += layer.blocks * (hidden + inside(layer.attention));
    if (layer.cross) out += hidden + inside(*layer.cross);
    if (layer.dense) out += 1.0 * layer.blocks * hidden;
    if (layer.product_key || (layer.moe && !layer.dense)) out += hidden;
    return out;
}

double vectors(const Attention& a, int hidden) { return attention_kind(a.kind).vectors(a, hidden); }

/// One module: the norms of its two inputs, their projection [2h, h], a layer like the model's
/// last, a final norm; embedding and head are the model's own. Source: arXiv:2412.19437,
/// section 2.2.
double mtp_module(const Model& model) {
    const double h = model.hidden;
    double out = 2 * h * h + 3 * h;
    for (const auto& [cls, count] :
         layer_parameters(model, model.kinds[static_cast<std::size_t>(model.mtp_layer_kind())]))
        out += count;
    return out;
}

}  // namespace

std::vector<Linear> attention_linears(const Layer& layer, int hidden) {
    const auto of = [&](const Attention& a) { return attention_kind(a.kind).linears(a, hidden); };
    std::vector<Linear> out;
    for (int block = 0; block < layer.blocks; ++block)
        for (Linear& linear : of(layer.attention)) out.push_back(std::move(linear));
    if (layer.cross)
        for (Linear& linear : of(*layer.cross)) {
            linear.name = "cross_" + linear.name;
            out.push_back(std::move(linear));
        }
    return out;
}

std::vector<Linear> ffn_linears(const Layer& layer, int hidden) {
    std::vector<Linear> out;
    if (layer.dense)
        for (int block = 0; block < layer.blocks; ++block)
            add_block(out, "", "dense", hidden, layer.dense->width, layer.dense->gated);
    if (layer.moe) add_moe(out, *layer.moe, hidden);
    if (layer.product_key) add_product_key(out, *layer.product_key, hidden);
    return out;
}

std::vector<Linear> ffn_vectors(const Layer& layer, int hidden) {
    if (!layer.moe || !layer.moe->bias) return {};
    const MoeFfn& moe = *layer.moe;
    const long each = long{moe.gated ? 2 : 1} * moe.width + moe.payload(hidden);
    return {{"router_bias", "router", 1, moe.experts},
            {"expert_bias", "routed", 1, each, 1.0 * moe.experts, moe.real_choices()}};
}

std::map<std::string, double> layer_parameters(const Model& model, const Layer& layer) {
    std::map<std::string, double> out;
    for (const auto& linears : {attention_linears(layer, model.hidden),
                                ffn_linears(layer, model.hidden), ffn_vectors(layer, model.hidden)})
        for (const Linear& linear : linears) out[linear.cls] += held(linear);
    const double small = layer.blocks * vectors(layer.attention, model.hidden) +
                         (layer.cross ? vectors(*layer.cross, model.hidden) : 0);
    if (small > 0) out["attention"] += small;
    out["norms"] = norms(layer, model.hidden);
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
    if (model.position_embeddings > 0)
        out.by_class["position"] = double{1} * model.position_embeddings * model.hidden;
    if (model.extra.parameters > 0) out.by_class["extra"] = model.extra.parameters;
    // The final one, and that of the encoder.
    out.by_class["norms"] = double{1} * model.hidden * (model.encoder_layers > 0 ? 2 : 1);
    double idle = model.extra.parameters - model.extra.active;
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

namespace {

/// Sum over all layers of `numbers` of each mixer, as bytes in BF16.
template <class Numbers>
double mixer_bytes(const Model& model, Numbers numbers) {
    double values = 0;
    const auto layers = model.layers_of_kind();
    for (std::size_t kind = 0; kind < model.kinds.size(); ++kind) {
        const Layer& layer = model.kinds[kind];
        values += layers[kind] * layer.blocks * numbers(layer.attention);
        if (layer.cross) values += layers[kind] * numbers(*layer.cross);
    }
    return 2 * values;
}

}  // namespace

double kv_bytes_per_token(const Model& model) {
    return mixer_bytes(model, [](const Attention& a) {
        return a.causal ? attention_kind(a.kind).cached_values(a) : 0;
    });
}

double state_bytes_per_sequence(const Model& model) {
    return mixer_bytes(model,
                       [](const Attention& a) { return attention_kind(a.kind).state_values(a); });
}

}  // namespace moesim::models
