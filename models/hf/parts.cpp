#include "models/hf/parts.hpp"

#include <fmt/format.h>

namespace moesim::models::hf {

Json whole(const Config& in, bool tied) {
    constexpr int kMostLayers = 100'000;  // as in a model's TOML
    Json out;
    out["hidden"] = in.any_size({"hidden_size", "d_model"}, 1);
    const int layers = in.any_size({"num_hidden_layers", "num_layers", "n_layers"}, 1);
    if (layers > kMostLayers)
        in.fail("num_hidden_layers", fmt::format("{} is more than any model has", layers),
                fmt::format("at most {}", kMostLayers));
    out["layers"] = layers;
    out["vocab"] = in.size("vocab_size", 1);
    out["tied_embedding"] = in.flag("tie_word_embeddings", tied);
    if (in.has("max_position_embeddings"))
        out["max_sequence"] = in.size("max_position_embeddings", 1);
    return out;
}

Json grouped_query(const Config& in, int head_dim) {
    const int heads = in.any_size({"num_attention_heads", "n_heads"}, 1);
    const int kv_heads = in.size("num_key_value_heads", 1, heads);
    if (heads % kv_heads != 0)
        in.fail("num_key_value_heads",
                fmt::format("{} heads cannot share {} key/value heads", heads, kv_heads),
                "write a divisor of `num_attention_heads`");
    if (head_dim == 0 && !in.has("head_dim")) {
        const int hidden = in.any_size({"hidden_size", "d_model"}, 1);
        if (hidden % heads != 0)
            in.fail("num_attention_heads",
                    fmt::format("hidden_size {} is not divisible by {} heads", hidden, heads),
                    "add `head_dim`, or change one of them");
        head_dim = hidden / heads;
    }
    Json out;
    out["kind"] = "gqa";
    out["heads"] = heads;
    out["kv_heads"] = kv_heads;
    out["head_dim"] = in.size("head_dim", 1, head_dim);
    return out;
}

Json latent_attention(const Config& in, int q_rank) {
    Json out;
    out["kind"] = "mla";
    const int heads = in.size("num_attention_heads", 1);
    if (in.has("num_key_value_heads") && in.size("num_key_value_heads", 1) != heads)
        in.fail("num_key_value_heads",
                fmt::format("latent attention with {} heads has as many", heads),
                fmt::format("write {}", heads));
    out["heads"] = heads;
    const int rank = in.is_null("q_lora_rank") ? 0 : in.size("q_lora_rank", 0, q_rank);
    if (rank > 0) out["q_rank"] = rank;
    out["kv_rank"] = in.size("kv_lora_rank", 1);
    out["nope_dim"] = in.size("qk_nope_head_dim", 1);
    out["rope_dim"] = in.size("qk_rope_head_dim", 0);
    out["v_dim"] = in.size("v_head_dim", 1);
    return out;
}

Json experts(const Config& in, const std::vector<std::string>& experts_keys,
             const std::vector<std::string>& top_k_keys, int width) {
    const int count = in.any_size(experts_keys, 1), top_k = in.any_size(top_k_keys, 1);
    if (top_k > count)
        for (const std::string& key : top_k_keys)
            if (in.has(key))
                in.fail(key, fmt::format("{} of {} experts", top_k, count),
                        "a token chooses at most every expert once");
    Json out;
    out["experts"] = count;
    out["top_k"] = top_k;
    out["width"] = width;
    return out;
}

void add_groups(const Config& in, Json& moe, int groups, int limit) {
    const int count = in.is_null("n_group") ? 1 : in.size("n_group", 1, groups);
    const int most = in.is_null("topk_group") ? count : in.size("topk_group", 1, limit);
    const int experts = moe.at("experts").get<int>(), top_k = moe.at("top_k").get<int>();
    if (experts % count != 0)
        in.fail("n_group", fmt::format("{} experts are not divisible by {}", experts, count),
                "groups are equally large");
    if (most > count) in.fail("topk_group", fmt::format("{} of {} groups", most, count));
    if (experts / count * most < top_k)
        in.fail("topk_group", fmt::format("{} groups hold {} experts, a token chooses {}", most,
                                          experts / count * most, top_k));
    if (count == 1 || most == count) return;
    moe["groups"] = count;
    moe["group_limit"] = most;
}

Json dense(const Config& in, std::string_view key) {
    Json out;
    out["width"] = in.size(key, 1);
    return out;
}

std::string runs(const std::string& letters) {
    std::string out;
    for (std::size_t i = 0, end = 0; i < letters.size(); i = end) {
        for (end = i; end < letters.size() && letters[end] == letters[i];) ++end;
        out += letters[i];
        if (end - i > 1) out += std::to_string(end - i);
    }
    return out;
}

std::string letters(const Config& in, std::string_view key, int layers,
                    const std::vector<std::pair<std::string, char>>& words) {
    std::string out;
    const std::vector<std::string> entries = in.texts(key);
    for (const std::string& entry : entries) {
        const std::size_t before = out.size();
        for (const auto& [word, letter] : words)
            if (entry == word) out += letter;
        if (out.size() != before + 1) {
            std::vector<std::string> known;
            for (const auto& [word, letter] : words) known.push_back(word);
            in.fail(key, fmt::format("unknown kind of layer '{}' at {}", entry, before),
                    fmt::format("known: {}", fmt::join(known, ", ")));
        }
    }
    if (static_cast<int>(entries.size()) != layers)
        in.fail(key, fmt::format("{} entries for {} layers", entries.size(), layers));
    return out;
}

std::vector<bool> listed(const Config& in, std::string_view key, int layers) {
    std::vector<bool> out(static_cast<std::size_t>(layers));
    for (const int layer : in.sizes(key, 0)) {
        if (layer >= layers) in.fail(key, fmt::format("layer {} of {}", layer, layers));
        out[static_cast<std::size_t>(layer)] = true;
    }
    return out;
}

}  // namespace moesim::models::hf
