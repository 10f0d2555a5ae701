#include <fmt/format.h>

#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// Encoder-decoders: layers of both stacks, experts in one of so many. Sources:
/// huggingface/transformers, models/switch_transformers and models/nllb_moe.
Json stacks(const Config& in, const char* encoder, const char* decoder, const char* heads_key,
            bool tied) {
    Json out;
    const int hidden = in.size("d_model", 1), heads = in.size(heads_key, 1);
    const int first = in.size(encoder, 1);
    const int second = in.size(decoder, 1, first);
    out["hidden"] = hidden;
    out["layers"] = first + second;
    out["vocab"] = in.size("vocab_size", 1);
    out["tied_embedding"] = in.flag("tie_word_embeddings", tied);
    out["encoder_layers"] = first;
    if (hidden % heads != 0 && !in.has("d_kv"))
        in.fail(heads_key, fmt::format("d_model {} is not divisible by {} heads", hidden, heads));
    out["attention"] = {{"kind", "gqa"},
                        {"heads", heads},
                        {"kv_heads", heads},
                        {"head_dim", in.has("d_kv") ? in.size("d_kv", 1) : hidden / heads}};
    return out;
}

/// Every `step`-th layer of both stacks has experts; they fit one rule when a stack's layers are a
/// multiple of it.
void sparse(const Config& in, Json& out, int step, const char* key, int width, bool gated,
            int top_k) {
    const int layers = out["layers"].get<int>(), encoder = out["encoder_layers"].get<int>();
    if (encoder % step != 0 || layers % step != 0)
        in.fail(key,
                fmt::format("every layer of {} in stacks of {} and {}", step, encoder,
                            layers - encoder),
                "stacks that are multiples of it");
    if (step > 1) out["dense"] = {{"width", width}, {"gated", gated}};
    const int count = in.size("num_experts", 1);
    if (top_k > count) in.fail("num_experts", fmt::format("{} experts, {} chosen", count, top_k));
    out["moe"] = {{"experts", count}, {"top_k", top_k}, {"width", width}, {"gated", gated}};
    if (step > 1) out["moe"]["every"] = step;
    out["moe"]["router"] = "softmax";
}

class Switch final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = stacks(in, "num_layers", "num_decoder_layers", "num_heads", true);
        const int sparse_layers = in.size("num_sparse_encoder_layers", 1, 3);
        const int encoder = out["encoder_layers"].get<int>();
        if (encoder % sparse_layers != 0)
            in.fail("num_sparse_encoder_layers",
                    fmt::format("{} of {} layers", sparse_layers, encoder));
        const std::string act = in.text("feed_forward_proj", "relu");
        sparse(in, out, encoder / sparse_layers, "num_sparse_encoder_layers", in.size("d_ff", 1),
               act.rfind("gated", 0) == 0, 1);
        return out;
    }
};

class Nllb final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = stacks(in, "encoder_layers", "decoder_layers", "encoder_attention_heads", true);
        if (in.has("max_position_embeddings"))
            out["max_sequence"] = in.size("max_position_embeddings", 1);
        out["attention"]["bias"] = "all";
        sparse(in, out, in.size("encoder_sparse_step", 1, 4), "encoder_sparse_step",
               in.size("encoder_ffn_dim", 1), false, 2);
        return out;
    }
};

const sim::Register<Family, Switch> entry{"switch_transformers", "Switch Transformer"};
const sim::Register<Family, Nllb> nllb{"nllb-moe", "NLLB-MoE"};

}  // namespace
}  // namespace moesim::models::hf
