#include <fmt/format.h>

#include "models/attention.hpp"
#include "models/attention_keys.hpp"

namespace moesim::models {
namespace {

/// Gated delta net: the state [head_dim, v_dim] of a value head decays, is corrected by what it
/// already answers for the key, and takes in the rest. heads are value heads, kv_heads those of
/// queries and keys; a short convolution over q, k and v; an output gate z; beta and decay per
/// head.
///   per token and value head: 2 d v each to ask the state for k, to correct it, to read it for q
/// Sources: arXiv:2412.06464; huggingface/transformers, models/qwen3_next (in_proj_qkvz,
/// in_proj_ba, conv1d without bias, A_log, dt_bias, norm over v_dim, out_proj).
class GatedDelta final : public AttentionKind {
public:
    Attention read(sim::Table& in) const override { return read_delta_net(in, "gated_delta"); }

    std::vector<Linear> linears(const Attention& a, int hidden) const override {
        const long keys = long{a.kv_heads} * a.head_dim, values = long{a.heads} * a.v_dim;
        return {{"qkvz", "attention", hidden, 2 * keys + 2 * values},
                {"ba", "attention", hidden, 2L * a.heads},
                {"o", "attention", values, hidden}};
    }

    double norms(const Attention& a) const override { return a.v_dim; }

    double vectors(const Attention& a, int) const override {
        const double channels = 2.0 * a.kv_heads * a.head_dim + 1.0 * a.heads * a.v_dim;
        return a.conv * channels + 2.0 * a.heads;
    }

    double cached_values(const Attention&) const override { return 0; }

    double state_values(const Attention& a) const override {
        const double channels = 2.0 * a.kv_heads * a.head_dim + 1.0 * a.heads * a.v_dim;
        return double{1} * a.heads * a.head_dim * a.v_dim + a.conv * channels;
    }

    double core_flops(const Attention& a, long, bool) const override {
        return 6.0 * a.heads * a.head_dim * a.v_dim;
    }

    std::string describe(const Attention& a) const override {
        return fmt::format("gated delta net, {} heads of {}, {} key heads of {}", a.heads, a.v_dim,
                           a.kv_heads, a.head_dim);
    }
};

const sim::Register<AttentionKind, GatedDelta> entry{
    "gated_delta", "gated delta net: linear attention that corrects its state, a decay per head"};

}  // namespace
}  // namespace moesim::models
