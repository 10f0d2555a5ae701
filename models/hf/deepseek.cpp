#include <fmt/format.h>

#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// What the DeepSeek configurations and their kin share: leading dense layers, then experts with
/// shared ones beside them, at times chosen from few groups.
/// Sources: deepseek-ai repositories on huggingface.co, configuration_deepseek.py;
/// huggingface/transformers, models/deepseek_v2 and deepseek_v3.
class DeepSeek : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        const int layers = out["layers"].get<int>();
        const int leading = in.size("first_k_dense_replace", 0, usual_leading());
        if (leading > layers)
            in.fail("first_k_dense_replace",
                    fmt::format("{} leading dense layers of {} in all", leading, layers));
        out["mtp_layers"] = in.size("num_nextn_predict_layers", 0, 0);
        out["attention"] = attention(in);
        const int every = in.size("moe_layer_freq", 1, 1);
        if (leading > 0 || every > 1) out["dense"] = dense(in);
        if (leading == layers) return out;
        if (leading > 0) out["dense"]["first_layers"] = leading;
        out["moe"] = moe(in);
        if (every > 1) out["moe"]["every"] = every;
        return out;
    }

protected:
    virtual int usual_leading() const { return 0; }
    virtual Json attention(const Config& in) const { return latent_attention(in, 1536); }
    virtual std::string router(const Config& in) const {
        const std::string score = in.text("scoring_func", "softmax");
        if (score != "softmax" && score != "sigmoid")
            in.fail("scoring_func", fmt::format("unknown score '{}'", score), "softmax or sigmoid");
        return in.text("topk_method", "greedy") == "noaux_tc" ? score + "_bias" : score;
    }
    virtual void groups(const Config& in, Json& out) const {
        if (in.text("topk_method", "greedy") != "greedy") add_groups(in, out, 1, 1);
    }

    Json moe(const Config& in) const {
        Json out = experts(in, {"n_routed_experts", "num_experts"}, {"num_experts_per_tok"},
                           in.size("moe_intermediate_size", 1));
        const int shared = in.is_null("n_shared_experts") ? 0 : in.size("n_shared_experts", 0, 0);
        if (shared > 0) out["shared_experts"] = shared;
        groups(in, out);
        out["router"] = router(in);
        return out;
    }
};

/// Multi-head attention. Source: deepseek-ai/deepseek-moe-16b-base, configuration_deepseek.py.
class DeepSeekMoe final : public DeepSeek {
    Json attention(const Config& in) const override { return grouped_query(in); }
};

/// transformers' own class always scores by sigmoid plus bias, within n_group groups.
class DeepSeekV3 : public DeepSeek {
protected:
    int usual_leading() const override { return 3; }
    std::string router(const Config& in) const override {
        const std::string score = in.text("scoring_func", "sigmoid");
        if (score != "softmax" && score != "sigmoid")
            in.fail("scoring_func", fmt::format("unknown score '{}'", score), "softmax or sigmoid");
        return in.text("topk_method", "noaux_tc") == "noaux_tc" ? score + "_bias" : score;
    }
    void groups(const Config& in, Json& out) const override { add_groups(in, out, 8, 4); }
};

/// With the indexer of sparse attention. Sources: deepseek-ai/DeepSeek-V3.2-Exp and zai-org/GLM-5,
/// config.json.
class Sparse final : public DeepSeekV3 {
    Json attention(const Config& in) const override {
        Json out = latent_attention(in, 1536);
        out["index_heads"] = in.size("index_n_heads", 1);
        out["index_dim"] = in.size("index_head_dim", 1);
        out["index_top_k"] = in.size("index_topk", 1);
        return out;
    }
    void groups(const Config& in, Json& out) const override { add_groups(in, out, 1, 1); }
};

/// GQA with two shared experts and a sigmoid. Source: huggingface/transformers, models/dots1.
class Dots final : public DeepSeekV3 {
    int usual_leading() const override { return 0; }
    Json attention(const Config& in) const override {
        Json out = grouped_query(in);
        out["qk_norm"] = true;
        if (in.flag("attention_bias", false)) out["bias"] = "all";
        return out;
    }
    void groups(const Config& in, Json& out) const override { add_groups(in, out, 1, 1); }
};

/// Source: huggingface/transformers, models/glm4_moe/configuration_glm4_moe.py.
class Glm final : public DeepSeekV3 {
    int usual_leading() const override { return 1; }
    Json attention(const Config& in) const override {
        Json out = grouped_query(in);
        if (in.flag("attention_bias", false)) out["bias"] = "qkv";
        if (in.flag("use_qk_norm", false)) out["qk_norm"] = true;
        return out;
    }
    void groups(const Config& in, Json& out) const override { add_groups(in, out, 1, 1); }
};

const sim::Register<Family, DeepSeekMoe> moe{"deepseek", "DeepSeekMoE 2B to 145B"};
const sim::Register<Family, DeepSeek> v2{"deepseek_v2", "DeepSeek-V2 and V2-Lite"};
const sim::Register<Family, DeepSeekV3> v3{"deepseek_v3", "DeepSeek-V3, R1, Moonlight"};
const sim::Register<Family, DeepSeekV3> kimi{"kimi_k2", "Kimi K2"};
const sim::Register<Family, Sparse> v32{"deepseek_v32", "DeepSeek-V3.2"};
const sim::Register<Family, Sparse> glm5{"glm_moe_dsa", "GLM-5"};
const sim::Register<Family, Dots> dots{"dots1", "dots.llm1"};
const sim::Register<Family, Glm> glm{"glm4_moe", "GLM-4.5, 4.6 and Air"};

}  // namespace
}  // namespace moesim::models::hf
