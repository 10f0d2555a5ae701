#include "models/hf/parts.hpp"

namespace moesim::models::hf {
namespace {

/// One expert of many plus a shared one of the same width; three of four layers attend within
/// chunks. The norm of queries and keys has no weights. Sources: huggingface/transformers,
/// models/llama4/configuration_llama4.py (Llama4TextConfig).
class Llama4 : public Family {
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

/// With its vision tower; a text token does not pass it. Sizes that the file leaves out are those
/// of the released models: github.com/meta-llama/llama-models, models/llama4.
class Llama4Vision final : public Llama4 {
public:
    void add_towers(const Config& root, Json& model) const override {
        const Config in = root.has("vision_config") ? root.object("vision_config") : root.empty();
        const double h = in.size("hidden_size", 1, 1408), f = in.size("intermediate_size", 1, 5632);
        const double layers = in.size("num_hidden_layers", 1, 34);
        const int patch = in.size("patch_size", 1, 14), image = in.size("image_size", 1, 448);
        const double in_width = in.size("projector_input_dim", 1, 4096);
        const double out_width = in.size("projector_output_dim", 1, 4096);
        const double text = model.at("hidden").get<double>();
        if (patch > image) in.fail("patch_size", "larger than the image");
        // Attention and a block of two matrices with biases and norms; patches, their positions and
        // one of a class; norms around the layers; four neighbours merged, two matrices, projector.
        const double layer = 4 * h * h + 4 * h + 2 * h * f + f + h + 4 * h;
        const double patches = (image / patch) * (image / patch) + 1;
        const double tower = layers * layer + 3.0 * patch * patch * h + patches * h + h + 4 * h +
                             4 * h * in_width + in_width * out_width + out_width * text;
        model["extra"] = {{"name", "vision tower"}, {"parameters", tower}, {"active", 0}};
    }
};

const sim::Register<Family, Llama4Vision> outer{"llama4", "Llama 4 with its vision tower"};
const sim::Register<Family, Llama4> text{"llama4_text", "Llama 4, language model"};

}  // namespace
}  // namespace moesim::models::hf
