#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// Attention and experts with biases, every second layer in a window. Source: openai/gpt-oss,
/// gpt_oss/torch/model.py; huggingface/transformers, models/gpt_oss/configuration_gpt_oss.py.
class GptOss final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        const int layers = out["layers"].get<int>();
        std::string pattern;
        if (in.has("layer_types"))
            pattern = letters(in, "layer_types", layers,
                              {{"sliding_attention", 'W'}, {"full_attention", 'F'}});
        else
            for (int i = 0; i < layers; ++i) pattern += i % 2 == 0 ? 'W' : 'F';
        out["pattern"] = runs(pattern);
        out["attention"] = grouped_query(in, in.has("head_dim") ? 0 : 64);
        if (in.flag("attention_bias", true)) out["attention"]["bias"] = "all";
        out["moe"] =
            experts(in, {"num_local_experts", "num_experts"},
                    {"num_experts_per_tok", "experts_per_token"}, in.size("intermediate_size", 1));
        out["moe"]["bias"] = true;
        out["moe"]["router"] = "softmax";
        out["layer"]["W"] = {{"ffn", "moe"}, {"window", in.size("sliding_window", 1, 128)}};
        out["layer"]["F"] = {{"ffn", "moe"}};
        return out;
    }
};

const sim::Register<Family, GptOss> entry{"gpt_oss", "gpt-oss 20b and 120b"};

}  // namespace
}  // namespace moesim::models::hf
