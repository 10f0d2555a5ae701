#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// Dense decoders with gated blocks. Sources: huggingface/transformers,
/// models/{llama,mistral,qwen2, qwen3}/configuration_*.py; Qwen2 has biases in q, k and v, Qwen3
/// norms over queries and keys.
class Dense : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        out["attention"] = attention(in);
        out["dense"] = dense(in);
        return out;
    }

private:
    virtual Json attention(const Config& in) const {
        Json out = grouped_query(in);
        if (in.flag("attention_bias", false)) out["bias"] = "all";
        if (in.has("sliding_window") && in.flag("use_sliding_window", true))
            out["window"] = in.size("sliding_window", 1);
        return out;
    }
};

class Qwen2 final : public Dense {
    Json attention(const Config& in) const override {
        Json out = grouped_query(in);
        out["bias"] = "qkv";
        return out;
    }
};

class Qwen3 final : public Dense {
    Json attention(const Config& in) const override {
        Json out = grouped_query(in, in.has("head_dim") ? 0 : 128);
        out["qk_norm"] = true;
        if (in.flag("attention_bias", false)) out["bias"] = "all";
        return out;
    }
};

const sim::Register<Family, Dense> llama{"llama", "dense decoders: Llama 2 and 3"};
const sim::Register<Family, Dense> mistral{"mistral", "dense decoders: Mistral"};
const sim::Register<Family, Qwen2> qwen2{"qwen2", "dense decoders: Qwen 2"};
const sim::Register<Family, Qwen3> qwen3{"qwen3", "dense decoders: Qwen 3"};

}  // namespace
}  // namespace moesim::models::hf
