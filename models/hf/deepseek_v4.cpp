#include <fmt/format.h>

#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// One shared key head behind a window, its keys compressed by 4 (with an indexer) or more in most
/// layers; experts everywhere, hashed in the first ones.
/// Source: huggingface.co/deepseek-ai/DeepSeek-V4-Flash, config.json (compress_ratios names a ratio
/// per layer, those of the MTP modules after them; 0 and 1: the window alone).
class DeepSeekV4 final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        const int layers = out["layers"].get<int>();
        out["mtp_layers"] = in.size("num_nextn_predict_layers", 0, 0);
        const auto ratios = in.sizes("compress_ratios", 0);
        if (static_cast<int>(ratios.size()) < layers)
            in.fail("compress_ratios",
                    fmt::format("{} ratios for {} layers", ratios.size(), layers));
        const int hashed = in.size("num_hash_layers", 0, 0);
        std::string pattern;
        for (int i = 0; i < layers; ++i)
            pattern += letter(in, out, ratios[static_cast<std::size_t>(i)], i < hashed);
        out["pattern"] = runs(pattern);
        if (out["mtp_layers"].get<int>() > 0 && static_cast<int>(ratios.size()) > layers)
            out["mtp_layer"] =
                std::string(1, letter(in, out, ratios[static_cast<std::size_t>(layers)], false));
        out["moe"] = experts(in, {"n_routed_experts"}, {"num_experts_per_tok"},
                             in.size("moe_intermediate_size", 1));
        if (const int shared = in.size("n_shared_experts", 0, 0); shared > 0)
            out["moe"]["shared_experts"] = shared;
        const std::string score = in.text("scoring_func", "sqrtsoftplus");
        if (score != "sqrtsoftplus" && score != "softmax" && score != "sigmoid")
            in.fail("scoring_func", fmt::format("unknown score '{}'", score),
                    "sqrtsoftplus, softmax or sigmoid");
        out["moe"]["router"] = (score == "sqrtsoftplus" ? "sqrt_softplus" : score) +
                               (in.text("topk_method", "noaux_tc") == "noaux_tc" ? "_bias" : "");
        return out;
    }

private:
    /// The letter of a layer; its mixer and [layer.X] are added to `out` when they are new.
    static char letter(const Config& in, Json& out, int ratio, bool hashed) {
        const std::string mixer = ratio <= 1 ? "window" : ratio == 4 ? "near" : "far";
        if (!out["mixer"].contains(mixer)) out["mixer"][mixer] = attention(in, ratio);
        if (mixer == "far" && out["mixer"]["far"]["compress"] != ratio)
            in.fail("compress_ratios", "two ratios above 4 are not known of this family");
        const char name = ratio <= 1   ? (hashed ? 'V' : 'W')
                          : ratio == 4 ? (hashed ? 'H' : 'N')
                                       : (hashed ? 'G' : 'F');
        Json& layer = out["layer"][std::string(1, name)];
        layer["mixer"] = mixer;
        layer["ffn"] = "moe";
        if (hashed) layer["router"] = "hash";
        return name;
    }
    static Json attention(const Config& in, int ratio) {
        Json out{{"kind", "csa"},
                 {"heads", in.size("num_attention_heads", 1)},
                 {"head_dim", in.size("head_dim", 1, 512)},
                 {"rope_dim", in.size("qk_rope_head_dim", 0, 64)},
                 {"q_rank", in.size("q_lora_rank", 1)},
                 {"window", in.size("sliding_window", 1, 128)},
                 {"o_groups", in.size("o_groups", 1)},
                 {"o_rank", in.size("o_lora_rank", 1)}};
        if (ratio <= 1) return out;
        out["compress"] = ratio;
        if (ratio != 4) return out;
        out["index_heads"] = in.size("index_n_heads", 1);
        out["index_dim"] = in.size("index_head_dim", 1);
        out["index_top_k"] = in.size("index_topk", 1);
        return out;
    }
};

const sim::Register<Family, DeepSeekV4> entry{"deepseek_v4", "DeepSeek-V4 Flash and Pro"};

}  // namespace
}  // namespace moesim::models::hf
