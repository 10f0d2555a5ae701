#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "models/attention.hpp"
#include "models/read.hpp"
#include "models/read_parts.hpp"

namespace moesim::models {
namespace {

constexpr int kMostLayers = 100'000;

int read_layer_count(sim::Table& in) {
    const int count = read_size(in, "layers", 1);
    if (count > kMostLayers)
        in.fail("layers", fmt::format("{} is more than any model has", count),
                fmt::format("at most {}", kMostLayers));
    return count;
}

/// What a layer can be put together from.
struct Parts {
    std::map<std::string, Attention> mixers;  // "attention" is the table of that name
    std::optional<DenseFfn> dense;
    std::optional<MoeFfn> moe;
    std::optional<ProductKeyFfn> product_key;

    [[nodiscard]] std::vector<std::string> mixer_names() const {
        std::vector<std::string> out{"none"};
        for (const auto& [name, mixer] : mixers) out.push_back(name);
        return out;
    }
    [[nodiscard]] std::string usual_ffn() const {
        return moe ? "moe" : dense ? "dense" : product_key ? "product_key" : "none";
    }
};

/// The layer of `kinds` that equals `layer`, added when there is none.
int kind_of(Model& model, const Layer& layer) {
    const auto found = std::find(model.kinds.begin(), model.kinds.end(), layer);
    if (found == model.kinds.end()) model.kinds.push_back(layer);
    return static_cast<int>(std::find(model.kinds.begin(), model.kinds.end(), layer) -
                            model.kinds.begin());
}

Layer put_together(const Parts& parts, const Attention& mixer, const std::string& ffn) {
    Layer out;
    out.attention = mixer;
    if (ffn == "dense" || ffn == "both") out.dense = parts.dense;
    if (ffn == "moe" || ffn == "both") out.moe = parts.moe;
    if (ffn == "product_key") out.product_key = parts.product_key;
    return out;
}

void read_span(sim::Table& in, Attention& mixer) {
    for (const auto& [key, value] : {std::pair{"window", &mixer.window}, {"chunk", &mixer.chunk}}) {
        if (!in.has(key)) continue;
        if (!mixer.softmax()) in.fail(key, fmt::format("a {} mixer sees no keys", mixer.kind));
        *value = read_size(in, key, 1);
    }
    if (mixer.window > 0 && mixer.chunk > 0)
        in.fail("chunk", "a window is given too", "one of the two");
}

/// [layer.X]
Layer read_letter(sim::Table in, const Parts& parts) {
    const std::string word = in.choice("mixer", parts.mixer_names(),
                                       parts.mixers.contains("attention") ? "attention" : "none");
    Attention mixer;
    mixer.kind = "none";
    if (word != "none") mixer = parts.mixers.at(word);
    read_span(in, mixer);
    if (in.flag("shares_kv", false)) {
        if (mixer.kind != "gqa")
            in.fail("shares_kv", fmt::format("a {} mixer cannot", mixer.kind), "kind = \"gqa\"");
        mixer.shares_kv = true;
    }
    const std::string ffn =
        in.choice("ffn", {"moe", "dense", "both", "product_key", "none"}, parts.usual_ffn());
    if ((ffn == "moe" || ffn == "both") && !parts.moe) in.fail("ffn", "there is no [moe]");
    if ((ffn == "dense" || ffn == "both") && !parts.dense) in.fail("ffn", "there is no [dense]");
    if (ffn == "product_key" && !parts.product_key) in.fail("ffn", "there is no [product_key]");
    Layer out = put_together(parts, mixer, ffn);
    if (in.has("router")) {
        if (!out.moe) in.fail("router", "the layer has no experts");
        out.moe->router = in.choice("router", kRouters);
    }
    out.blocks = read_size(in, "blocks", 1, 1);
    if (out.blocks > 16)
        in.fail("blocks", fmt::format("{} blocks in a layer", out.blocks), "at most 16");
    if (!out.attention.present() && !out.has_ffn())
        in.fail("", "a layer with neither mixer nor feed-forward part", "mixer or ffn");
    return out;
}

/// Leading dense layers, then MoE in one layer of `every`; one kind alone when the other has no
/// table.
void by_rule(sim::Table& in, const Parts& parts, int count, Model& model) {
    Attention mixer;
    mixer.kind = "none";
    if (const auto found = parts.mixers.find("attention"); found != parts.mixers.end())
        mixer = found->second;
    if (parts.usual_ffn() == "none")
        in.fail("", "a model needs a feed-forward part",
                "add [dense] (width) or [moe] (experts, top_k, width)");
    int leading = parts.moe ? 0 : count, every = 1, offset = 0;
    bool beside = false;
    if (parts.moe) {
        sim::Table moe = in.table("moe");
        every = read_size(moe, "every", 1, 1);
        offset = read_size(moe, "offset", 0, every - 1);
        if (offset >= every)
            moe.fail("offset", fmt::format("{} in a period of {}", offset, every),
                     fmt::format("at most {}", every - 1));
        if (every > 1 && !parts.dense)
            moe.fail("every", "the layers between have no [dense]", "add [dense] (width)");
    }
    if (parts.dense && parts.moe) {
        sim::Table dense = in.table("dense");
        beside = dense.flag("beside_moe", false);
        leading = every > 1 || beside ? read_size(dense, "first_layers", 0, 0)
                                      : read_size(dense, "first_layers", 1);
        if (leading > count)
            dense.fail("first_layers",
                       fmt::format("{} leading dense layers of {} in all", leading, count),
                       fmt::format("at most {}", count));
        if (leading == count)
            dense.fail("first_layers", fmt::format("all {} layers are dense", count),
                       "leave out [moe], or leave it a layer");
    }
    for (int i = 0; i < count; ++i) {
        const bool moe = parts.moe && i >= leading && i % every == offset;
        const std::string ffn = moe && beside ? "both"
                                : moe         ? "moe"
                                : parts.dense ? "dense"
                                              : "product_key";
        model.layers.push_back(kind_of(model, put_together(parts, mixer, ffn)));
    }
}

void by_pattern(sim::Table& in, const Parts& parts, int count, Model& model) {
    const std::string letters = read_pattern(in, "pattern", count);
    for (const auto& [key, where] : {std::pair{"every", "moe"},
                                     {"offset", "moe"},
                                     {"first_layers", "dense"},
                                     {"beside_moe", "dense"}}) {
        const sim::Table table = in.table(where);
        if (table.has(key))
            table.fail(key, "`pattern` says which layer is what", "leave one of them out");
    }
    sim::Table tables = in.table("layer");
    std::map<char, Layer> known;
    for (const std::string& key : tables.keys()) {
        if (key.size() != 1 || std::isdigit(static_cast<unsigned char>(key[0])) != 0)
            tables.fail(key, "a letter of the pattern is one character, no digit");
        known[key[0]] = read_letter(tables.table(key), parts);
    }
    for (const char letter : letters) {
        if (!known.contains(letter))
            in.fail("pattern", fmt::format("'{}' stands for nothing", letter),
                    fmt::format("add [layer.{}]", letter));
        model.layers.push_back(kind_of(model, known.at(letter)));
    }
    if (in.has("mtp_layer")) {
        const std::string letter = in.text("mtp_layer");
        if (letter.size() != 1 || !known.contains(letter[0]))
            in.fail("mtp_layer", fmt::format("'{}' is no letter of [layer]", letter));
        model.mtp_kind = kind_of(model, known.at(letter[0]));
    }
}

/// The first layers see the whole source, the others look at what came of it.
void split_encoder(sim::Table& in, Model& model) {
    model.encoder_layers = read_size(in, "encoder_layers", 0, 0);
    if (model.encoder_layers == 0) return;
    if (model.encoder_layers >= model.layer_count())
        in.fail("encoder_layers",
                fmt::format("{} of {} layers", model.encoder_layers, model.layer_count()),
                "leave the decoder a layer");
    const std::vector<Layer> kinds = model.kinds;
    if (model.mtp_kind >= 0) in.fail("mtp_layer", "an encoder-decoder has none");
    model.kinds.clear();
    for (int i = 0; i < model.layer_count(); ++i) {
        Layer layer = kinds[static_cast<std::size_t>(model.layers[static_cast<std::size_t>(i)])];
        if (!layer.attention.softmax())
            in.fail("encoder_layers",
                    fmt::format("a {} mixer has no cross attention", layer.attention.kind));
        if (i < model.encoder_layers) {
            layer.attention.causal = false;
        } else {
            layer.cross = layer.attention;
            layer.cross->causal = false;
            layer.cross->window = layer.cross->chunk = 0;
        }
        model.layers[static_cast<std::size_t>(i)] = kind_of(model, layer);
    }
}

}  // namespace

Attention read_attention(sim::Table in) {
    Attention out =
        attention_kind(in.choice("kind", sim::Registry<AttentionKind>::names())).read(in);
    if (out.softmax()) {
        read_span(in, out);
        out.causal = in.flag("causal", true);
    }
    return out;
}

std::string read_pattern(sim::Table& in, std::string_view key, int layers) {
    const std::string text = in.text(key);
    std::string period;
    for (std::size_t i = 0; i < text.size();) {
        const char letter = text[i++];
        if (std::isspace(static_cast<unsigned char>(letter)) != 0) continue;
        if (std::isdigit(static_cast<unsigned char>(letter)) != 0)
            in.fail(key, fmt::format("a count without a letter at '{}'", text.substr(i - 1, 8)),
                    "\"D3M\" is D D D M");
        int count = 0;
        bool counted = false;
        for (; i < text.size() && std::isdigit(static_cast<unsigned char>(text[i])) != 0; ++i) {
            count = std::min(count * 10 + (text[i] - '0'), kMostLayers + 1);
            counted = true;
        }
        if (counted && count == 0) in.fail(key, fmt::format("no layers of '{}'", letter));
        period.append(static_cast<std::size_t>(counted ? count : 1), letter);
        if (period.size() > static_cast<std::size_t>(layers))
            in.fail(key, fmt::format("more letters than the {} layers", layers),
                    "as many as `layers`, or fewer: then it begins anew");
    }
    if (period.empty()) in.fail(key, "no letters", "\"D3M\" is D D D M");
    std::string out;
    for (int i = 0; i < layers; ++i) out += period[static_cast<std::size_t>(i) % period.size()];
    return out;
}

void read_layers(sim::Table& in, Model& model) {
    const int count = read_layer_count(in);
    Parts parts;
    if (in.has("attention") || !in.has("pattern"))
        parts.mixers["attention"] = read_attention(in.table("attention"));
    sim::Table mixers = in.table("mixer");
    for (const std::string& name : mixers.keys()) {
        if (name == "attention" || name == "none")
            mixers.fail(name, "the name is taken", "[attention] is its own table");
        parts.mixers[name] = read_attention(mixers.table(name));
    }
    if (in.has("dense")) {
        sim::Table table = in.table("dense");
        parts.dense = read_dense(table);
    }
    if (in.has("moe")) {
        sim::Table table = in.table("moe");
        parts.moe = read_moe(table);
    }
    if (in.has("product_key")) parts.product_key = read_product_key(in.table("product_key"));
    if (in.has("pattern"))
        by_pattern(in, parts, count, model);
    else
        by_rule(in, parts, count, model);
    split_encoder(in, model);
}

}  // namespace moesim::models
