#include <fmt/format.h>

#include <algorithm>

#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// Sources: huggingface/transformers, models/ernie4_5_moe/configuration_ernie4_5_moe.py; the MTP
/// count as huggingface.co/baidu/ERNIE-4.5-300B-A47B-PT, config.json writes it.
class Ernie final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        const int layers = out["layers"].get<int>();
        out["mtp_layers"] =
            in.any_size({"num_nextn_predict_layers", "multi_token_pred_depth"}, 0, 0);
        const int first = in.size("moe_layer_start_index", 0, 1);
        const int last =
            in.has("moe_layer_end_index") ? in.size("moe_layer_end_index", 0) : layers - 1;
        if (first > last || last >= layers)
            in.fail("moe_layer_start_index",
                    fmt::format("experts from layer {} to {} of {}", first, last, layers));
        const int every = in.size("moe_layer_interval", 1, 1);
        std::string pattern;
        for (int i = 0; i < layers; ++i)
            pattern += i >= first && i <= last && (i + 1) % every == 0 ? 'M' : 'D';
        out["attention"] = grouped_query(in);
        if (in.flag("use_bias", false)) out["attention"]["bias"] = "all";
        out["moe"] =
            experts(in, {"moe_num_experts"}, {"moe_k"}, in.size("moe_intermediate_size", 1));
        if (const int shared = in.size("moe_num_shared_experts", 0, 0); shared > 0)
            out["moe"]["shared_experts"] = shared;
        out["moe"]["router"] = in.flag("moe_use_aux_free", true) ? "softmax_bias" : "softmax";
        if (pattern.find('D') == std::string::npos) return out;
        out["dense"] = dense(in);
        out["pattern"] = runs(pattern);
        out["layer"]["D"] = {{"ffn", "dense"}};
        out["layer"]["M"] = {{"ffn", "moe"}};
        return out;
    }
};

/// Ling and Ring. Source: github.com/inclusionAI/Ling-V2, models/configuration_bailing_moe_v2.py.
class Bailing final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        out["mtp_layers"] = in.size("num_nextn_predict_layers", 0, 0);
        out["attention"] = grouped_query(in);
        if (in.flag("use_qk_norm", true)) out["attention"]["qk_norm"] = true;
        if (in.flag("use_qkv_bias", false)) out["attention"]["bias"] = "qkv";
        const int leading = in.size("first_k_dense_replace", 0, 0);
        if (leading >= out["layers"].get<int>())
            in.fail("first_k_dense_replace", "no layer is left for the experts");
        if (leading > 0)
            out["dense"] = {{"first_layers", leading}, {"width", in.size("intermediate_size", 1)}};
        out["moe"] = experts(in, {"num_experts"}, {"num_experts_per_tok"},
                             in.size("moe_intermediate_size", 1));
        if (const int shared = in.size("num_shared_experts", 0, 0); shared > 0)
            out["moe"]["shared_experts"] = shared;
        add_groups(in, out["moe"], 8, 4);
        out["moe"]["router"] = "sigmoid_bias";
        return out;
    }
};

/// Layers that use the keys of the layer before (CLA), one shared expert beside one of many.
/// Source: github.com/Tencent/Tencent-Hunyuan-Large, configuration class.
class Hunyuan final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        out["attention"] = grouped_query(in);
        if (in.flag("attention_bias", false)) out["attention"]["bias"] = "all";
        if (in.flag("use_qk_norm", false)) out["attention"]["qk_norm"] = true;
        const int top_k =
            in.is_list("moe_topk") ? first(in, "moe_topk") : in.size("moe_topk", 1, 1);
        const int count =
            in.is_list("num_experts") ? first(in, "num_experts") : in.size("num_experts", 1);
        if (top_k > count) in.fail("moe_topk", fmt::format("{} of {} experts", top_k, count));
        const int width = in.is_list("moe_intermediate_size") ? first(in, "moe_intermediate_size")
                          : in.has("moe_intermediate_size")   ? in.size("moe_intermediate_size", 1)
                                                              : in.size("intermediate_size", 1);
        out["moe"] = {{"experts", count}, {"top_k", top_k}, {"width", width}};
        const int shared = in.is_list("num_shared_expert") ? first(in, "num_shared_expert")
                                                           : in.size("num_shared_expert", 0, 1);
        if (in.flag("use_mixed_mlp_moe", true) && shared > 0) out["moe"]["shared_experts"] = shared;
        out["moe"]["router"] = "softmax";
        if (!in.flag("use_cla", false)) return out;
        const int factor = in.size("cla_share_factor", 1, 2);
        if (factor == 1) return out;
        out["pattern"] =
            runs("K" + std::string(static_cast<std::size_t>(std::min(factor, 1000)) - 1, 'S'));
        out["layer"]["K"] = {{"ffn", "moe"}};
        out["layer"]["S"] = {{"ffn", "moe"}, {"shares_kv", true}};
        return out;
    }

private:
    static int first(const Config& in, std::string_view key) {
        const std::vector<int> values = in.sizes(key, 1);
        if (values.empty()) in.fail(key, "an empty list");
        if (std::any_of(values.begin(), values.end(), [&](int v) { return v != values.front(); }))
            in.fail(key, "layers that differ are not read", "one number");
        return values.front();
    }
};

const sim::Register<Family, Ernie> ernie{"ernie4_5_moe", "ERNIE 4.5"};
const sim::Register<Family, Bailing> bailing2{"bailing_moe_v2", "Ling-1T, Ling-mini-2.0, Ring"};
const sim::Register<Family, Bailing> bailing{"bailing_moe", "Ling 1.5"};
const sim::Register<Family, Hunyuan> hunyuan{"hunyuan", "Hunyuan-Large"};
const sim::Register<Family, Hunyuan> hunyuan1{"hunyuan_v1_moe", "Hunyuan-A13B"};

}  // namespace
}  // namespace moesim::models::hf
