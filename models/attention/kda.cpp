#include <fmt/format.h>

#include "models/attention.hpp"
#include "models/attention_keys.hpp"

namespace moesim::models {
namespace {

/// Kimi delta attention: a gated delta net whose decay is a vector over the key's channels, made by
/// a low-rank pair of matrices; so is the output gate. Convolutions over q, k and v.
///   per token and head: 2 d v each to ask the state for k, to correct it, to read it for q
/// Source: arXiv:2510.26692; moonshotai/Kimi-Linear-48B-A3B-Base, modeling_kimi.py (f_a, f_b, b,
/// g_a, g_b, A_log, dt_bias, o_norm).
class Kda final : public AttentionKind {
public:
    Attention read(sim::Table& in) const override { return read_delta_net(in, "kda"); }

    std::vector<Linear> linears(const Attention& a, int hidden) const override {
        const long keys = long{a.heads} * a.head_dim, values = long{a.heads} * a.v_dim;
        return {{"decay_a", "latent", hidden, a.head_dim},
                {"gate_a", "latent", hidden, a.v_dim},
                {"qkv", "attention", hidden, keys + long{a.kv_heads} * a.head_dim + values},
                {"decay_b", "attention", a.head_dim, keys},
                {"gate_b", "attention", a.v_dim, values},
                {"beta", "attention", hidden, a.heads},
                {"o", "attention", values, hidden}};
    }

    double norms(const Attention& a) const override { return a.v_dim; }

    double vectors(const Attention& a, int) const override {
        const double keys = double{1} * a.heads * a.head_dim;
        return a.conv * (keys + 1.0 * a.kv_heads * a.head_dim + 1.0 * a.heads * a.v_dim) + a.heads +
               keys;
    }

    double cached_values(const Attention&) const override { return 0; }

    double state_values(const Attention& a) const override {
        const double channels = 1.0 * (a.heads + a.kv_heads) * a.head_dim + 1.0 * a.heads * a.v_dim;
        return double{1} * a.heads * a.head_dim * a.v_dim + a.conv * channels;
    }

    double core_flops(const Attention& a, long, bool) const override {
        return 6.0 * a.heads * a.head_dim * a.v_dim;
    }

    std::string describe(const Attention& a) const override {
        return fmt::format("Kimi delta attention, {} heads of {} / {}", a.heads, a.head_dim,
                           a.v_dim);
    }
};

const sim::Register<AttentionKind, Kda> entry{
    "kda", "Kimi delta attention: a delta net with a decay per channel"};

}  // namespace
}  // namespace moesim::models
