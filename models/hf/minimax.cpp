#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// Source: huggingface.co/MiniMaxAI/MiniMax-M2.5, config.json; queries and keys are normed over all
/// heads together, which is counted per head here (a difference of some thousand parameters).
class MiniMaxM2 final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        out["mtp_layers"] = in.flag("use_mtp", true) ? in.size("num_mtp_modules", 0, 0) : 0;
        out["attention"] = grouped_query(in);
        if (in.flag("use_qk_norm", true)) out["attention"]["qk_norm"] = true;
        out["moe"] = experts(in, {"num_local_experts"}, {"num_experts_per_tok"},
                             in.size("intermediate_size", 1));
        if (const int shared = in.size("shared_intermediate_size", 0, 0); shared > 0) {
            out["moe"]["shared_experts"] = 1;
            out["moe"]["shared_width"] = shared;
        }
        const std::string score = in.text("scoring_func", "sigmoid");
        if (score != "softmax" && score != "sigmoid")
            in.fail("scoring_func", "unknown score", "softmax or sigmoid");
        out["moe"]["router"] = in.flag("use_routing_bias", true) ? score + "_bias" : score;
        return out;
    }
};

/// Lightning attention, softmax attention in every eighth layer. Sources:
/// huggingface.co/MiniMaxAI/MiniMax-Text-01, config.json; huggingface/transformers, models/minimax.
class MiniMaxText final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        out["pattern"] = runs(pattern(in, out["layers"].get<int>()));
        out["attention"] = grouped_query(in);
        out["mixer"]["lightning"] = {{"kind", "lightning"},
                                     {"heads", out["attention"]["heads"]},
                                     {"head_dim", out["attention"]["head_dim"]}};
        out["moe"] = experts(in, {"num_local_experts"}, {"num_experts_per_tok"},
                             in.size("intermediate_size", 1));
        out["moe"]["router"] = "softmax";
        out["layer"]["L"] = {{"mixer", "lightning"}, {"ffn", "moe"}};
        out["layer"]["F"] = {{"mixer", "attention"}, {"ffn", "moe"}};
        return out;
    }

private:
    static std::string pattern(const Config& in, int layers) {
        if (in.has("layer_types"))
            return letters(in, "layer_types", layers,
                           {{"linear_attention", 'L'}, {"full_attention", 'F'}});
        const std::vector<int> softmax = in.sizes("attn_type_list", 0);
        if (!softmax.empty() && static_cast<int>(softmax.size()) != layers)
            in.fail("attn_type_list", "not one entry per layer");
        std::string out;
        for (int i = 0; i < layers; ++i)
            out += (softmax.empty() ? (i + 1) % 8 == 0 : softmax[static_cast<std::size_t>(i)] == 1)
                       ? 'F'
                       : 'L';
        return out;
    }
};

const sim::Register<Family, MiniMaxM2> m2{"minimax_m2", "MiniMax-M2 and M2.5"};
const sim::Register<Family, MiniMaxText> text{"minimax_text_01", "MiniMax-Text-01"};
const sim::Register<Family, MiniMaxText> native{"minimax",
                                                "MiniMax-Text-01, as transformers names it"};

}  // namespace
}  // namespace moesim::models::hf
