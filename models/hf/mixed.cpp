#include <fmt/format.h>

#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// Experts in every layer, norms over queries and keys. Source: huggingface/transformers,
/// models/olmoe/configuration_olmoe.py; the norms go over all heads together there.
class Olmoe final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        out["attention"] = grouped_query(in);
        out["attention"]["qk_norm"] = true;
        if (in.flag("attention_bias", false)) out["attention"]["bias"] = "all";
        out["moe"] =
            experts(in, {"num_experts"}, {"num_experts_per_tok"}, in.size("intermediate_size", 1));
        out["moe"]["router"] = "softmax";
        return out;
    }
};

/// Sizes of attention and experts in objects of their own. Source: github.com/databricks/dbrx,
/// model/config.json; huggingface/transformers, models/dbrx/configuration_dbrx.py.
class Dbrx final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        if (in.has("max_seq_len")) out["max_sequence"] = in.size("max_seq_len", 1);
        const int heads = in.size("n_heads", 1), hidden = in.size("d_model", 1);
        const Config attention = in.object("attn_config"), ffn = in.object("ffn_config");
        const int kv_heads = attention.size("kv_n_heads", 1);
        if (hidden % heads != 0)
            in.fail("n_heads",
                    fmt::format("d_model {} is not divisible by {} heads", hidden, heads));
        if (heads % kv_heads != 0)
            attention.fail("kv_n_heads", fmt::format("{} heads cannot share {} key/value heads",
                                                     heads, kv_heads));
        out["attention"] = {{"kind", "gqa"},
                            {"heads", heads},
                            {"kv_heads", kv_heads},
                            {"head_dim", hidden / heads}};
        out["moe"] =
            experts(ffn, {"moe_num_experts"}, {"moe_top_k"}, ffn.size("ffn_hidden_size", 1));
        out["moe"]["router"] = "softmax";
        return out;
    }
};

/// Sources: github.com/xai-org/grok-1, run.py, as huggingface.co/hpcai-tech/grok-1 writes it.
class Grok1 final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in, true);
        out["attention"] = grouped_query(in);
        out["moe"] = experts(in, {"num_experts", "num_local_experts"},
                             {"num_experts_per_tok", "num_experts_per_token"}, width(in));
        out["moe"]["router"] = "softmax";
        if (!in.has("moe_intermediate_size")) return out;
        out["tied_embedding"] = in.flag("tie_word_embeddings", false);  // Grok-2
        if (in.flag("residual_moe", true))
            out["dense"] = {{"width", in.size("intermediate_size", 1)}, {"beside_moe", true}};
        return out;
    }

private:
    static int width(const Config& in) {
        return in.has("moe_intermediate_size") ? in.size("moe_intermediate_size", 1)
                                               : in.size("intermediate_size", 1);
    }
};

/// A dense block beside the experts of every layer. Source: huggingface.co/Snowflake/
/// snowflake-arctic-base, configuration_arctic.py; the dense block is as wide as the hidden state.
class Arctic final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        out["attention"] = grouped_query(in);
        const int every = in.size("moe_layer_frequency", 1, 1);
        const bool beside =
            in.flag("parallel_attn_mlp_res", false) || in.flag("use_residual", true);
        if (beside) out["dense"] = {{"width", out["hidden"]}, {"beside_moe", true}};
        out["moe"] = experts(in, {"num_local_experts"}, {"num_experts_per_tok"},
                             in.size("intermediate_size", 1));
        if (every > 1) out["moe"]["every"] = every;
        out["moe"]["router"] = "softmax";
        return out;
    }
};

/// Experts of attention heads beside experts of feed-forward blocks; num_attention_heads stands for
/// num_key_value_heads x num_experts_per_tok. Source: huggingface/transformers, models/jetmoe.
class JetMoe final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in, true);
        const int kv_heads = in.size("num_key_value_heads", 1);
        out["moe"] = experts(in, {"num_local_experts"}, {"num_experts_per_tok"},
                             in.any_size({"intermediate_size", "ffn_hidden_size"}, 1));
        out["moe"]["router"] = "softmax";
        const int top_k = out["moe"]["top_k"].get<int>();
        const int heads = kv_heads * top_k;
        if (in.has("num_attention_heads") && in.size("num_attention_heads", 1) != heads)
            in.fail("num_attention_heads", fmt::format("{} key/value heads and {} choices make {}",
                                                       kv_heads, top_k, heads));
        out["attention"] = {{"kind", "moa"},
                            {"heads", heads},
                            {"kv_heads", kv_heads},
                            {"head_dim", in.size("kv_channels", 1, 128)},
                            {"experts", out["moe"]["experts"]},
                            {"top_k", top_k}};
        return out;
    }
};

const sim::Register<Family, Olmoe> olmoe{"olmoe", "OLMoE"};
const sim::Register<Family, Dbrx> dbrx{"dbrx", "DBRX"};
const sim::Register<Family, Grok1> grok1{"grok-1", "Grok-1 and Grok-2"};
const sim::Register<Family, Arctic> arctic{"arctic", "Snowflake Arctic"};
const sim::Register<Family, JetMoe> jetmoe{"jetmoe", "JetMoE"};

}  // namespace
}  // namespace moesim::models::hf
