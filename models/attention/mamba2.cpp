#include <fmt/format.h>

#include "models/attention.hpp"
#include "models/read.hpp"

namespace moesim::models {
namespace {

/// Mamba-2: d = heads x head_dim channels, each with a state of size n; B and C are shared by the
/// heads of a group; one matrix in (z, x, B, C, dt), a convolution over x, B and C, one matrix out.
///   per token: 7 d n, as num_floating_point_operations of Megatron-LM counts the scan
/// Sources: arXiv:2405.21060; state-spaces/mamba, mamba_ssm/modules/mamba2.py (in_proj, conv1d with
/// bias, dt_bias, A_log, D, norm, out_proj).
class Mamba2 final : public AttentionKind {
public:
    Attention read(sim::Table& in) const override {
        Attention a;
        a.kind = "mamba2";
        a.heads = a.kv_heads = read_size(in, "heads", 1);
        a.head_dim = read_size(in, "head_dim", 1);
        a.state = read_size(in, "state", 1);
        a.groups = read_size(in, "groups", 1, 1);
        a.conv = read_size(in, "conv", 0, 4);
        a.scan_chunk = read_size(in, "scan_chunk", 1, 256);
        if (a.heads % a.groups != 0)
            in.fail("groups", fmt::format("{} heads cannot share {} groups", a.heads, a.groups),
                    "write a divisor of `heads`");
        return a;
    }

    std::vector<Linear> linears(const Attention& a, int hidden) const override {
        const long wide = long{a.heads} * a.head_dim, shared = 2L * a.groups * a.state;
        return {{"in_proj", "attention", hidden, 2 * wide + shared + a.heads},
                {"o", "attention", wide, hidden}};
    }

    double norms(const Attention& a) const override { return double{1} * a.heads * a.head_dim; }

    double vectors(const Attention& a, int) const override {
        const double channels = double{1} * a.heads * a.head_dim + 2.0 * a.groups * a.state;
        return (a.conv > 0 ? a.conv + 1 : 0) * channels + 3.0 * a.heads;
    }

    double cached_values(const Attention&) const override { return 0; }

    double state_values(const Attention& a) const override {
        const double wide = double{1} * a.heads * a.head_dim;
        return wide * a.state + a.conv * (wide + 2.0 * a.groups * a.state);
    }

    double core_flops(const Attention& a, long, bool) const override {
        return 7.0 * a.heads * a.head_dim * a.state;
    }

    std::string describe(const Attention& a) const override {
        return fmt::format("Mamba-2, {} heads of {}, state {}, {} groups, convolution {}", a.heads,
                           a.head_dim, a.state, a.groups, a.conv);
    }
};

const sim::Register<AttentionKind, Mamba2> entry{
    "mamba2", "Mamba-2: a state-space model with a scalar decay per head"};

}  // namespace
}  // namespace moesim::models
