#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// Gated delta nets with full attention in between; experts everywhere, one shared expert behind a
/// gate, an output gate on full attention. Sources: huggingface/transformers, models/qwen3_next;
/// huggingface.co/Qwen/Qwen3.5-35B-A3B, config.json.
class QwenNext final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        const int layers = out["layers"].get<int>();
        for (const char* key : {"num_nextn_predict_layers", "mtp_num_hidden_layers"})
            if (in.has(key)) out["mtp_layers"] = in.size(key, 0);
        out["pattern"] = runs(pattern(in, layers));
        if (out.contains("mtp_layers")) out["mtp_layer"] = "F";
        out["attention"] = grouped_query(in, in.has("head_dim") ? 0 : 256);
        out["attention"]["qk_norm"] = true;
        if (in.flag("attn_output_gate", true)) out["attention"]["gate"] = true;
        out["mixer"]["delta"] = delta(in);
        out["moe"] = experts(in, {"num_experts"}, {"num_experts_per_tok"},
                             in.size("moe_intermediate_size", 1));
        out["moe"]["router"] = "softmax";
        if (const int shared = in.size("shared_expert_intermediate_size", 0); shared > 0) {
            out["moe"]["shared_experts"] = 1;
            out["moe"]["shared_width"] = shared;
            out["moe"]["shared_gate"] = true;
        }
        out["layer"]["L"] = {{"mixer", "delta"}, {"ffn", "moe"}};
        out["layer"]["F"] = {{"mixer", "attention"}, {"ffn", "moe"}};
        return out;
    }

private:
    static std::string pattern(const Config& in, int layers) {
        if (!in.sizes("mlp_only_layers", 0).empty())
            in.fail("mlp_only_layers", "dense layers are not known of this family", "[]");
        if (in.has("layer_types"))
            return letters(in, "layer_types", layers,
                           {{"linear_attention", 'L'}, {"full_attention", 'F'}});
        const int every = in.size("full_attention_interval", 1, 4);
        std::string out;
        for (int i = 1; i <= layers; ++i) out += i % every == 0 ? 'F' : 'L';
        return out;
    }
    static Json delta(const Config& in) {
        const int keys = in.size("linear_num_key_heads", 1, 16);
        const int values = in.size("linear_num_value_heads", 1, 32);
        if (values % keys != 0)
            in.fail("linear_num_key_heads", "does not divide linear_num_value_heads");
        return {{"kind", "gated_delta"},
                {"heads", values},
                {"kv_heads", keys},
                {"head_dim", in.size("linear_key_head_dim", 1, 128)},
                {"v_dim", in.size("linear_value_head_dim", 1, 128)},
                {"conv", in.size("linear_conv_kernel_dim", 0, 4)}};
    }
};

const sim::Register<Family, QwenNext> next{"qwen3_next", "Qwen3-Next 80B"};
const sim::Register<Family, QwenNext> qwen35{"qwen3_5_moe", "Qwen3.5 MoE with its vision tower"};
const sim::Register<Family, QwenNext> text{"qwen3_5_moe_text", "Qwen3.5 MoE, language model"};

}  // namespace
}  // namespace moesim::models::hf
