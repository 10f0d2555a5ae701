#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/input.hpp"

namespace moesim::models {

/// The mixer of one layer: what lets a token see others. `kind` names a file in models/attention/,
/// whose docstring has the formulas; fields that a kind does not read stay zero.
///   gqa        heads, kv_heads, head_dim (MHA and MQA are its ends); v_dim, q_rank when they
///   differ mla        latent attention: q_rank (0: queries straight from the hidden state),
///   kv_rank,
///              nope_dim, rope_dim, v_dim; kv_heads = heads; index_*: sparse-attention indexer
///   csa        a window beside compressed keys (DeepSeek-V4): head_dim, rope_dim, q_rank, window,
///              compress, o_groups, o_rank; index_*
///   moa        experts of heads: a token uses top_k of `experts` query and output projections
///   lightning  linear attention with a fixed decay    gated_delta  gated delta net    kda  the
///   same
///              with a decay per channel; heads are value heads, kv_heads those of queries and keys
///   mamba2     heads of head_dim, state, groups, conv    mamba1  width, state, dt_rank, conv
///   lstm       width cells, head_dim: size of its projection (0: none)
///   none       no mixer
struct Attention {
    std::string kind = "gqa";
    int heads = 0;
    int kv_heads = 0;
    int head_dim = 0;
    int q_rank = 0;
    int kv_rank = 0;
    int nope_dim = 0;
    int rope_dim = 0;
    int v_dim = 0;           // 0: head_dim
    int window = 0;          // keys a query sees at most, itself included; 0: all
    int chunk = 0;           // the sequence is cut into chunks that do not see each other; 0: not
    bool causal = true;      // false in encoders and cross attention
    bool qk_norm = false;    // a norm over each head's queries and keys
    bool gate = false;       // output multiplied by a gate as wide as the queries
    bool shares_kv = false;  // keys and values are those of the layer before
    std::string bias = "none";  // none | qkv | all: projections with a bias
    int index_heads = 0;        // indexer of sparse attention; 0: none
    int index_dim = 0;
    int index_top_k = 0;  // keys a query then attends to
    int compress = 0;     // tokens in one key of csa; 0: its window alone
    int o_groups = 0;     // csa: output in so many groups of heads, each through a rank
    int o_rank = 0;
    int experts = 0;  // moa
    int top_k = 0;
    int width = 0;       // channels of mamba1, cells of lstm
    int state = 0;       // of a state-space model, per channel
    int groups = 0;      // heads sharing B and C of mamba2
    int conv = 0;        // kernel of the short convolution; 0: none
    int dt_rank = 0;     // mamba1
    int scan_chunk = 0;  // tokens that a chunked scan takes at once

    [[nodiscard]] int qk_dim() const { return kind == "mla" ? nope_dim + rope_dim : head_dim; }
    [[nodiscard]] int value_dim() const { return kind == "mla" || v_dim > 0 ? v_dim : head_dim; }
    /// Scores against keys are computed (and a key/value cache kept), no recurrent state.
    [[nodiscard]] bool softmax() const {
        return kind == "gqa" || kind == "mla" || kind == "moa" || kind == "csa";
    }
    [[nodiscard]] bool present() const { return kind != "none"; }
    /// Mean number of keys per query in a sequence: half of it when causal, w - w^2 / 2s in a
    /// window of w < s, half a chunk in chunks; non-causal counts every score: s, w, chunk.
    [[nodiscard]] double keys(double sequence, bool half) const;
    /// Keys that a query late in the sequence sees: all, or those of window, indexer, compression.
    [[nodiscard]] double most_keys(double sequence) const;
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
    bool shared_gate = false;  // the shared experts' output is gated by one more score
    bool bias = false;         // experts and router have biases
    int per_group = 0;         // exactly so many choices in every group; 0: no such rule
    int zero_experts = 0;      // identities beside the experts; what they are given costs nothing
    int latent = 0;            // experts work on projections of this width; 0: on the hidden state
    int gate_groups = 0;       // two-level gate: groups of the first level; 0: one level
    int gate_choices = 0;      // groups whose own gates a token passes
    int other_experts = 0;     // of other modalities, held beside; the tokens counted pass none
    int other_width = 0;

    /// Width of what an expert receives and returns, and so of what travels.
    [[nodiscard]] int payload(int hidden) const { return latent > 0 ? latent : hidden; }
    /// Mean choices that fall on real experts: top_k E / (E + zero experts).
    [[nodiscard]] double real_choices() const {
        return zero_experts == 0 ? top_k : 1.0 * top_k * experts / (experts + zero_experts);
    }
    /// The same as a whole number of experts per token, at least one, for what needs one.
    [[nodiscard]] int routed_choices() const;
    bool operator==(const MoeFfn&) const = default;
};

/// A memory of single-neuron experts found by product keys (PEER): each of `heads` queries meets
/// 2 sqrt(experts) sub-keys, keeps top_k of each half, and ranks their top_k^2 sums.
/// Source: arXiv:2407.04153.
struct ProductKeyFfn {
    int experts = 0;  // a square
    int heads = 0;
    int top_k = 0;    // per head
    int key_dim = 0;  // of a query; each sub-key has half
    bool operator==(const ProductKeyFfn&) const = default;
};

/// Mixer and feed-forward parts of a layer, each of which may be absent. dense beside moe is a
/// dense residual: both see the same input.
struct Layer {
    Attention attention;
    std::optional<DenseFfn> dense;
    std::optional<MoeFfn> moe;
    std::optional<Attention> cross;  // decoder of an encoder-decoder
    std::optional<ProductKeyFfn> product_key;
    int blocks = 1;  // attention + dense run so often (LongCat: 2), moe once

    [[nodiscard]] bool has_ffn() const { return dense || moe || product_key; }
    bool operator==(const Layer&) const = default;
};

/// A weight matrix [in, out], and how it is sharded. A layer holds `held` of them, a token passes
/// `passed`.
///   attention, dense, shared, head, embedding: divided by tensor parallelism
///   router, mtp_projection, latent (down-projections): on every tensor rank whole
///   routed: divided by expert (tensor) parallelism    product_key: divided by tensor parallelism
struct Linear {
    std::string name;  // "q_b", "gate_up", ...
    std::string cls;   // attention | latent | dense | shared | routed | router | head | product_key
    long in = 0;
    long out = 0;
    double held = 1;
    double passed = 1;
};

/// A fixed part beside the layers (a vision tower, patch embeddings), on the first stage.
struct Extra {
    std::string name;
    double parameters = 0;
    double active = 0;           // of them for a token
    double flops_per_token = 0;  // forward
    bool operator==(const Extra&) const = default;
};

/// Of a model read from a config.json: by which family, what it left out (with the value that was
/// filled in) and what of it was passed over.
struct Import {
    std::string family;  // empty: read from a TOML
    std::vector<std::string> filled, ignored;
    bool operator==(const Import&) const = default;
};

/// What is computed. Counts and formulas in counts.hpp. The keys of its TOML:
///
///     hidden, layers, vocab (0: neither embedding nor head), tied_embedding, position_embeddings,
///     max_sequence, encoder_layers (the first ones: not causal; the others get cross attention),
///     mtp_layers, mtp_layer (letter), pattern, title, confidence, aliases, note, assumed, refuse
///     [attention]      kind and the fields of Attention that it reads
///     [mixer.NAME]     another mixer, for [layer.X]
///     [dense]          width, gated, first_layers, beside_moe
///     [moe]            fields of MoeFfn; every (MoE in one layer of so many), offset
///     [product_key]    experts, heads, top_k, key_dim
///     [layer.X]        what the letter X of `pattern` is: mixer = "attention" | NAME | "none",
///                      ffn = "moe" | "dense" | "both" | "product_key" | "none", window, chunk,
///                      shares_kv, router, blocks
///     [extra]          name, parameters, active, flops_per_token
///     [published]      total, active, active_convention
///
/// pattern = "D3ME2" is D D D M E E; it begins anew until all layers have a letter.
struct Model {
    std::string name;
    std::string title;
    int hidden = 0;
    int vocab = 0;
    bool tied_embedding = false;
    int mtp_layers = 0;                     // multi-token-prediction modules, each one more layer
    int max_sequence = 0;                   // 0: not stated
    std::vector<Layer> kinds;               // distinct layers
    std::vector<int> layers;                // [layers] index into kinds
    std::optional<double> published_total;  // parameters
    std::optional<double> published_active;
    std::string active_convention;  // with_embedding | without_input_embedding | without_embedding
    std::string confidence;
    int position_embeddings = 0;  // learned; 0: none
    int encoder_layers = 0;       // the first of `layers`
    int mtp_kind = -1;            // index into kinds; -1: like the last layer
    Extra extra;
    std::vector<std::string> aliases;
    std::string note;     // for people: why a count deviates, ...
    std::string assumed;  // what of the shape nobody published
    Import import;
    std::string refuse;  // why there is nothing to simulate; load_model() throws it

    [[nodiscard]] const Layer& layer(int i) const {
        return kinds[static_cast<std::size_t>(layers[static_cast<std::size_t>(i)])];
    }
    [[nodiscard]] int layer_count() const { return static_cast<int>(layers.size()); }
    /// Index into `kinds` of an MTP module's layer.
    [[nodiscard]] int mtp_layer_kind() const { return mtp_kind >= 0 ? mtp_kind : layers.back(); }
    /// Layers of each kind, in the order of `kinds`. [kinds]
    [[nodiscard]] std::vector<int> layers_of_kind() const;
    /// Every field, defaults filled in; equal neighbouring layers are one run.
    [[nodiscard]] nlohmann::ordered_json resolved() const;
};

/// Reads what find_model(name) finds: a zoo name or alias, a TOML, a config.json. Throws
/// sim::InputError.
Model load_model(const std::string& name);

/// The same model cut to `layers` layers of which the first `dense` are dense.
/// Throws std::invalid_argument when the model has no layer of a kind that is asked for.
Model cut(const Model& model, int layers, int dense);

}  // namespace moesim::models
