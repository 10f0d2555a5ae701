#include "models/hf/import.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "models/hf/family.hpp"
#include "models/hf/toml_text.hpp"
#include "models/zoo.hpp"
#include "sim/source.hpp"

namespace moesim::models::hf {
namespace {

using Families = sim::Registry<Family>;
using Json = nlohmann::ordered_json;

/// Members under which a model for several media keeps its language model.
constexpr std::array<const char*, 4> kNested{"text_config", "llm_config", "language_config",
                                             "text_model_config"};
/// Its other parts.
constexpr std::array<const char*, 4> kTowers{"vision_config", "audio_config", "speech_config",
                                             "visual"};

Config language_model(const Config& root) {
    for (const char* key : kNested)
        if (root.is_object(key)) return root.object(key);
    return root;
}

/// "DeepseekV3ForCausalLM" is "deepseekv3", as the model_type "deepseek_v3" is.
std::string stem_of(const std::string& architecture) {
    for (const char* end : {"For", "LMHeadModel", "Model"})
        if (const std::size_t at = architecture.find(end); at != std::string::npos && at > 0)
            return normalised(architecture.substr(0, at));
    return normalised(architecture);
}

std::optional<std::string> family_of_architecture(const Config& in) {
    if (!in.is_list("architectures")) return std::nullopt;
    for (const std::string& architecture : in.texts("architectures"))
        for (const std::string& name : Families::names())
            if (normalised(name) == stem_of(architecture)) return name;
    return std::nullopt;
}

std::optional<std::string> family_of_type(const Config& in) {
    if (!in.has("model_type")) return std::nullopt;
    const std::string type = in.text("model_type");
    for (const std::string& name : Families::names())
        if (normalised(name) == normalised(type)) return name;
    return std::nullopt;
}

/// Fifteen lines to begin with, as far as the file says what to write.
std::string template_toml(const Config& in) {
    const auto value = [&](const std::vector<std::string>& keys, const char* otherwise) {
        for (const std::string& key : keys) try {
                if (in.has(key)) return fmt::format("{}", in.size(key, 0));
            } catch (const sim::InputError&) {
            }
        return std::string{otherwise};
    };
    return fmt::format(
        "  hidden = {}\n  layers = {}\n  vocab = {}\n  [attention]\n  kind = \"gqa\"\n"
        "  heads = {}\n  kv_heads = {}\n  head_dim = {}\n  [moe]\n  experts = {}\n  top_k = {}\n"
        "  width = {}",
        value({"hidden_size", "n_embd", "d_model"}, "4096"),
        value({"num_hidden_layers", "n_layer", "n_layers"}, "32"), value({"vocab_size"}, "32000"),
        value({"num_attention_heads", "n_head", "n_heads"}, "32"),
        value({"num_key_value_heads"}, "8"), value({"head_dim"}, "128"),
        value({"num_experts", "num_local_experts", "n_routed_experts"}, "8"),
        value({"num_experts_per_tok", "moe_topk"}, "2"),
        value({"moe_intermediate_size", "intermediate_size"}, "14336"));
}

std::string choose(const Config& root, const Config& inner) {
    for (const Config* in : {&root, &inner})
        if (const auto name = family_of_type(*in)) return *name;
    for (const Config* in : {&root, &inner})
        if (const auto name = family_of_architecture(*in)) return *name;
    const bool typed = root.has("model_type");
    std::string what = "expected the family of a model";
    std::string hint;
    if (typed) {
        const std::string type = sim::printable(root.text("model_type"), 60);
        what = fmt::format("unknown family '{}'", type);
        const std::string near = sim::nearest(type, Families::names());
        if (!near.empty()) hint = fmt::format("did you mean '{}'?\n", near);
    }
    hint += fmt::format("known: {}\nor describe the model in a TOML such as\n{}",
                        fmt::join(Families::names(), ", "), template_toml(inner));
    root.fail("model_type", what, hint);
}

/// Parts of the file that say nothing about shapes that this program counts.
std::vector<std::string> ignored(const Config& root, const Config& inner, bool counts_towers) {
    std::vector<std::string> out;
    for (const Config* in : {&root, &inner}) {
        if (!in->is_object("quantization_config")) continue;
        const Config quantised = in->object("quantization_config");
        out.push_back(fmt::format(
            "quantization_config{}: a plan's precision says which formats are used",
            quantised.has("quant_method")
                ? fmt::format(" ({})", sim::printable(quantised.text("quant_method"), 40))
                : ""));
        break;
    }
    for (const char* tower : kTowers)
        if (!counts_towers && root.is_object(tower))
            out.push_back(fmt::format("{}: only the language model is read", tower));
    return out;
}

}  // namespace

std::string toml_of_config(const std::string& path) {
    const Config root = Config::from_file(path);
    const Config inner = language_model(root);
    const std::string family = choose(root, inner);
    const auto reader = Families::make(family);
    Json model = reader->read(inner);
    reader->add_towers(root, model);
    if (!inner.has("tie_word_embeddings") && root.has("tie_word_embeddings"))
        model["tied_embedding"] = root.flag("tie_word_embeddings", false);
    Json import;
    import["family"] = family;
    import["filled"] = inner.filled();
    import["ignored"] = ignored(root, inner, model.contains("extra"));
    model["import"] = std::move(import);
    return toml_text(model);
}

}  // namespace moesim::models::hf
