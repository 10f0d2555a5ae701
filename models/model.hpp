#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/input.hpp"

namespace moesim::models {

/// Self-attention of one layer.
///   gqa  heads, kv_heads, head_dim (MHA and MQA are its ends)
///   mla  latent attention: q_rank (0: queries straight from the hidden state), kv_rank, nope_dim,
///        rope_dim, v_dim; kv_heads = heads
struct Attention {
    std::string kind = "gqa";
    int heads = 0;
    int kv_heads = 0;
    int head_dim = 0;
    int q_rank = 0;
    int kv_rank = 0;
    int nope_dim = 0;
    int rope_dim = 0;
    int v_dim = 0;

    [[nodiscard]] int qk_dim() const { return kind == "mla" ? nope_dim + rope_dim : head_dim; }
    [[nodiscard]] int value_dim() const { return kind == "mla" ? v_dim : head_dim; }
    bool operator==(const Attention&) const = default;
};

/// A dense feed-forward block: three matrices when gated (SwiGLU), else two.
struct DenseFfn {
    int width = 0;
    bool gated = true;
    bool operator==(const DenseFfn&) const = default;
};

/// A mixture-of-experts block.
struct MoeFfn {
    int experts = 0;
    int top_k = 0;
    int width = 0;  // one routed expert
    bool gated = true;
    int shared_experts = 0;
    int shared_width = 0;  // one shared expert
    int groups = 1;        // group-limited routing; 1: none
    int group_limit = 1;   // groups a token may use
    std::string router = "softmax";
    bool operator==(const MoeFfn&) const = default;
};

struct Layer {
    Attention attention;
    std::optional<DenseFfn> dense;
    std::optional<MoeFfn> moe;
    bool operator==(const Layer&) const = default;
};

/// A weight matrix [in, out] that every token (or every routed row) passes, and how it is sharded.
///   attention, dense, shared, head, embedding: divided by tensor parallelism
///   router, mtp_projection, latent (MLA down-projections): on every tensor rank whole
///   routed: per expert; divided by expert (tensor) parallelism
struct Linear {
    std::string name;  // "q_b", "gate_up", ...
    std::string cls;   // attention | latent | dense | shared | routed | router | head
    long in = 0;
    long out = 0;
};

/// What is computed. Counts and formulas in counts.hpp.
struct Model {
    std::string name;
    std::string title;
    int hidden = 0;
    int vocab = 0;
    bool tied_embedding = false;
    int mtp_layers = 0;        // multi-token-prediction modules, each one more layer like the last
    int max_sequence = 0;      // 0: not stated
    std::vector<Layer> kinds;  // distinct layers
    std::vector<int> layers;   // [layers] index into kinds
    std::optional<double> published_total;  // parameters
    std::optional<double> published_active;
    std::string active_convention;  // with_embedding | without_input_embedding | without_embedding
    std::string confidence;

    [[nodiscard]] const Layer& layer(int i) const {
        return kinds[static_cast<std::size_t>(layers[static_cast<std::size_t>(i)])];
    }
    [[nodiscard]] int layer_count() const { return static_cast<int>(layers.size()); }
    /// Layers of each kind, in the order of `kinds`. [kinds]
    [[nodiscard]] std::vector<int> layers_of_kind() const;
    /// Every field, defaults filled in; equal neighbouring layers are one run.
    [[nodiscard]] nlohmann::ordered_json resolved() const;
};

/// Reads models/zoo/NAME.toml (or a path to a TOML). Throws sim::InputError.
Model load_model(const std::string& name);

/// The same model cut to `layers` layers of which the first `dense` are dense.
/// Throws std::invalid_argument when the model has no layer of a kind that is asked for.
Model cut(const Model& model, int layers, int dense);

}  // namespace moesim::models
