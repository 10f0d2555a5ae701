#include <fmt/format.h>

#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// Full attention and windows with key/value heads of their own, a dense first layer. Source:
/// huggingface.co/XiaomiMiMo/MiMo-V2-Flash, config.json.
class MiMo final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        const int layers = out["layers"].get<int>();
        const auto flags = [&](const char* key) {
            const std::vector<int> all = in.sizes(key, 0);
            if (static_cast<int>(all.size()) != layers)
                in.fail(key, fmt::format("{} entries for {} layers", all.size(), layers));
            return all;
        };
        const std::vector<int> window = flags("hybrid_layer_pattern"),
                               moe = flags("moe_layer_freq");
        std::string pattern;
        for (std::size_t i = 0; i < window.size(); ++i)
            pattern += moe[i] != 0 ? (window[i] != 0 ? 'W' : 'F') : window[i] != 0 ? 'w' : 'f';
        out["pattern"] = runs(pattern);
        out["attention"] = grouped_query(in);
        out["attention"]["v_dim"] = in.size("v_head_dim", 1);
        Json local = out["attention"];
        local["heads"] = in.size("swa_num_attention_heads", 1, local["heads"].get<int>());
        local["kv_heads"] = in.size("swa_num_key_value_heads", 1, local["kv_heads"].get<int>());
        local["head_dim"] = in.size("swa_head_dim", 1, local["head_dim"].get<int>());
        local["v_dim"] = in.size("swa_v_head_dim", 1, local["v_dim"].get<int>());
        if (local["heads"].get<int>() % local["kv_heads"].get<int>() != 0)
            in.fail("swa_num_key_value_heads", "does not divide the heads");
        out["mixer"]["local"] = local;
        if (pattern.find_first_of("wf") != std::string::npos) out["dense"] = dense(in);
        out["moe"] = experts(in, {"n_routed_experts"}, {"num_experts_per_tok"},
                             in.size("moe_intermediate_size", 1));
        if (in.has("n_shared_experts"))
            if (const int shared = in.size("n_shared_experts", 0); shared > 0)
                out["moe"]["shared_experts"] = shared;
        add_groups(in, out["moe"], 1, 1);
        out["moe"]["router"] = "sigmoid_bias";
        const int span = in.any_size({"sliding_window", "sliding_window_size"}, 1, 128);
        for (const char letter : pattern) {
            Json& layer = out["layer"][std::string(1, letter)];
            layer["ffn"] = letter == 'W' || letter == 'F' ? "moe" : "dense";
            if (letter != 'W' && letter != 'w') continue;
            layer["mixer"] = "local";
            layer["window"] = span;
        }
        return out;
    }
};

/// Two latent attentions and two dense blocks a layer with one set of experts, some of which are
/// identities; a dense MTP layer. Source: huggingface/transformers, models/longcat_flash.
class LongCat final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        const int mtp = in.size("num_nextn_predict_layers", 0, 1);
        out["mtp_layers"] = mtp;
        out["pattern"] = "S";
        out["attention"] = latent_attention(in, 1536);
        out["dense"] = {{"width", in.any_size({"ffn_hidden_size", "intermediate_size"}, 1)}};
        out["moe"] = experts(in, {"n_routed_experts"}, {"moe_topk", "num_experts_per_tok"},
                             in.any_size({"expert_ffn_hidden_size", "moe_intermediate_size"}, 1));
        if (const int zero = in.size("zero_expert_num", 0, 256); zero > 0)
            out["moe"]["zero_experts"] = zero;
        out["moe"]["router"] = "softmax_bias";
        out["layer"]["S"] = {{"ffn", "both"}, {"blocks", 2}};
        if (mtp > 0) {
            out["mtp_layer"] = "D";
            out["layer"]["D"] = {{"ffn", "dense"}};
        }
        return out;
    }
};

/// Multi-matrix factorised attention: queries through a low rank, one key/value head. Source:
/// huggingface.co/stepfun-ai/step3, config.json (text_config).
class Step3 final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        const int layers = out["layers"].get<int>();
        const std::string sparse = moe_layers(in, layers);
        out["attention"] = {
            {"kind", "gqa"},
            {"heads", in.size("num_attention_heads", 1)},
            {"kv_heads", in.any_size({"num_attention_groups", "num_key_value_heads"}, 1, 1)},
            {"head_dim", in.size("head_dim", 1)},
            {"q_rank", in.size("share_q_dim", 1)}};
        out["moe"] =
            experts(in, {"moe_num_experts"}, {"moe_top_k"}, in.size("moe_intermediate_size", 1));
        const int shared = in.has("share_expert_dim")
                               ? in.size("share_expert_dim", 0)
                               : in.size("share_expert_dims", 0, out["moe"]["width"].get<int>());
        if (shared > 0) {
            out["moe"]["shared_experts"] = 1;
            if (shared != out["moe"]["width"].get<int>()) out["moe"]["shared_width"] = shared;
        }
        out["moe"]["router"] = "sigmoid";
        if (sparse.find('D') == std::string::npos) return out;
        out["dense"] = dense(in);
        out["pattern"] = runs(sparse);
        out["layer"]["D"] = {{"ffn", "dense"}};
        out["layer"]["M"] = {{"ffn", "moe"}};
        return out;
    }

private:
    /// moe_layers_enum is a list, or a text such as "4,5,6".
    static std::string moe_layers(const Config& in, int layers) {
        std::string out;
        std::vector<bool> moe(static_cast<std::size_t>(layers), !in.has("moe_layers_enum"));
        if (in.is_list("moe_layers_enum")) {
            moe = listed(in, "moe_layers_enum", layers);
        } else if (in.has("moe_layers_enum")) {
            std::string rest = in.text("moe_layers_enum") + ",";
            for (std::size_t comma; (comma = rest.find(',')) != std::string::npos;
                 rest.erase(0, comma + 1)) {
                const std::string word = rest.substr(0, comma);
                const bool number = !word.empty() && word.size() < 7 &&
                                    word.find_first_not_of("0123456789") == std::string::npos;
                if (!number || std::stoi(word) >= layers)
                    in.fail("moe_layers_enum", fmt::format("'{}' is no layer of {}", word, layers));
                moe[static_cast<std::size_t>(std::stoi(word))] = true;
            }
        }
        for (const bool m : moe) out += m ? 'M' : 'D';
        return out;
    }
};

const sim::Register<Family, MiMo> mimo{"mimo_v2_flash", "MiMo-V2-Flash"};
const sim::Register<Family, LongCat> longcat{"longcat_flash", "LongCat-Flash"};
const sim::Register<Family, Step3> outer{"step3_vl", "Step-3 with its vision tower"};
const sim::Register<Family, Step3> step3{"step3_text", "Step-3, language model"};

}  // namespace
}  // namespace moesim::models::hf
