#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// One expert of many plus a shared one of the same width; three of four layers attend within
/// chunks. The norm of queries and keys has no weights. Sources: huggingface/transformers,
/// models/llama4/configuration_llama4.py (Llama4TextConfig).
class Llama4 final : public Family {
public:
    Json read(const Config& in) const override {
        Json out = whole(in);
        const int layers = out["layers"].get<int>();
        const std::string full = attention_span(in, layers);
        const std::string sparse = feed_forward(in, layers);
        std::string pattern;
        for (std::size_t i = 0; i < full.size(); ++i)
            pattern += sparse[i] == 'M' ? (full[i] == 'F' ? 'F' : 'C') : full[i] == 'F' ? 'f' : 'c';
        out["pattern"] = runs(pattern);
        out["attention"] = grouped_query(in, in.has("head_dim") ? 0 : 128);
        if (in.flag("attention_bias", false)) out["attention"]["bias"] = "all";
        const bool some_dense = sparse.find('D') != std::string::npos;
        if (some_dense) out["dense"] = dense(in, "intermediate_size_mlp");
        out["moe"] = experts(in, {"num_local_experts"}, {"num_experts_per_tok"},
                             in.size("intermediate_size", 1));
        out["moe"]["shared_experts"] = 1;
        out["moe"]["router"] = "sigmoid";
        const int chunk =
            in.is_null("attention_chunk_size") ? 0 : in.size("attention_chunk_size", 1, 8192);
        for (const char letter : pattern) {
            Json& layer = out["layer"][std::string(1, letter)];
            layer["ffn"] = letter == 'F' || letter == 'C' ? "moe" : "dense";
            if ((letter == 'C' || letter == 'c') && chunk > 0) layer["chunk"] = chunk;
        }
        return out;
    }

private:
    /// Layers without rotary positions see everything.
    static std::string attention_span(const Config& in, int layers) {
        if (in.has("layer_types"))
            return letters(in, "layer_types", layers,
                           {{"chunked_attention", 'C'}, {"full_attention", 'F'}});
        std::string out;
        const std::vector<int> rotary = in.sizes("no_rope_layers", 0);
        const int every = rotary.empty() ? in.size("no_rope_layer_interval", 1, 4) : 0;
        if (!rotary.empty() && static_cast<int>(rotary.size()) != layers)
            in.fail("no_rope_layers", "not one entry per layer");
        for (int i = 0; i < layers; ++i)
            out +=
                (rotary.empty() ? (i + 1) % every != 0 : rotary[static_cast<std::size_t>(i)] != 0)
                    ? 'C'
                    : 'F';
        return out;
    }
    static std::string feed_forward(const Config& in, int layers) {
        std::string out;
        if (in.is_list("moe_layers")) {
            for (const bool moe : listed(in, "moe_layers", layers)) out += moe ? 'M' : 'D';
            return out;
        }
        const int step = in.size("interleave_moe_layer_step", 1, 1);
        for (int i = 0; i < layers; ++i) out += (i + 1) % step == 0 ? 'M' : 'D';
        return out;
    }
};

const sim::Register<Family, Llama4> outer{"llama4", "Llama 4 with its vision tower"};
const sim::Register<Family, Llama4> text{"llama4_text", "Llama 4, language model"};

}  // namespace
}  // namespace moesim::models::hf
