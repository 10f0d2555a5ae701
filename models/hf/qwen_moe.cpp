#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// Layers with experts and layers without, as decoder_sparse_step and mlp_only_layers say.
std::string sparse_layers(const Config& in, int layers) {
    const int step = in.size("decoder_sparse_step", 1, 1);
    const std::vector<bool> dense_only = listed(in, "mlp_only_layers", layers);
    std::string out;
    for (int i = 0; i < layers; ++i)
        out += !dense_only[static_cast<std::size_t>(i)] && (i + 1) % step == 0 ? 'M' : 'D';
    return out;
}

/// Sources: huggingface/transformers, models/{qwen2_moe,qwen3_moe}/configuration_*.py.
class Qwen : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        const std::string pattern = sparse_layers(in, out["layers"].get<int>());
        const bool mixed = pattern.find('D') != std::string::npos;
        if (mixed) out["pattern"] = runs(pattern);
        out["attention"] = attention(in);
        if (mixed) out["dense"] = dense(in);
        out["moe"] = moe(in);
        if (!mixed) return out;
        out["layer"]["D"] = {{"ffn", "dense"}};
        out["layer"]["M"] = {{"ffn", "moe"}};
        return out;
    }

protected:
    virtual Json attention(const Config& in) const = 0;
    virtual Json moe(const Config& in) const {
        Json out = experts(in, {"num_experts", "num_local_experts"}, {"num_experts_per_tok"},
                           in.size("moe_intermediate_size", 1));
        out["router"] = "softmax";
        return out;
    }
};

/// Biases in q, k and v; one shared expert behind a sigmoid gate.
class Qwen2Moe final : public Qwen {
    Json attention(const Config& in) const override {
        Json out = grouped_query(in);
        if (in.flag("qkv_bias", true)) out["bias"] = "qkv";
        return out;
    }
    Json moe(const Config& in) const override {
        Json out = Qwen::moe(in);
        const int shared = in.size("shared_expert_intermediate_size", 0);
        if (shared == 0) return out;
        out["shared_experts"] = 1;
        out["shared_width"] = shared;
        out["shared_gate"] = true;
        return out;
    }
};

/// Norms over queries and keys. head_dim is 128 where the file does not say.
class Qwen3Moe final : public Qwen {
    Json attention(const Config& in) const override {
        Json out = grouped_query(in, in.has("head_dim") ? 0 : 128);
        out["qk_norm"] = true;
        if (in.flag("attention_bias", false)) out["bias"] = "all";
        return out;
    }
};

const sim::Register<Family, Qwen2Moe> qwen2{"qwen2_moe", "Qwen1.5-MoE and Qwen2-57B"};
const sim::Register<Family, Qwen3Moe> qwen3{"qwen3_moe", "Qwen3 30B, 235B, Coder 480B"};

}  // namespace
}  // namespace moesim::models::hf
