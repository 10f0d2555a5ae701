#include <fmt/format.h>

#include "models/attention.hpp"
#include "models/read.hpp"

namespace moesim::models {
namespace {

/// Mamba: `width` channels, each with a state of size n and a decay of its own; dt, B and C follow
/// from the channels; norms over dt, B and C as in Jamba.
///   per token: 7 width n, counted like Mamba-2's
/// Sources: arXiv:2312.00752; huggingface/transformers, models/jamba (in_proj, conv1d with bias,
/// x_proj, dt_proj with bias, A_log, D, dt/b/c_layernorm, out_proj).
class Mamba1 final : public AttentionKind {
public:
    Attention read(sim::Table& in) const override {
        Attention a;
        a.kind = "mamba1";
        a.width = read_size(in, "width", 1);
        a.heads = a.kv_heads = a.width;
        a.head_dim = 1;
        a.state = read_size(in, "state", 1);
        a.dt_rank = read_size(in, "dt_rank", 1);
        a.conv = read_size(in, "conv", 0, 4);
        return a;
    }

    std::vector<Linear> linears(const Attention& a, int hidden) const override {
        return {{"in_proj", "attention", hidden, 2L * a.width},
                {"x_proj", "attention", a.width, a.dt_rank + 2L * a.state},
                {"dt_proj", "attention", a.dt_rank, a.width},
                {"o", "attention", a.width, hidden}};
    }

    double norms(const Attention& a) const override { return a.dt_rank + 2.0 * a.state; }

    double vectors(const Attention& a, int) const override {
        const double wide = a.width;
        return (a.conv > 0 ? a.conv + 1 : 0) * wide + wide * a.state + 2 * wide;
    }

    double cached_values(const Attention&) const override { return 0; }

    double state_values(const Attention& a) const override {
        return double{1} * a.width * (a.state + a.conv);
    }

    double core_flops(const Attention& a, long, bool) const override {
        return 7.0 * a.width * a.state;
    }

    std::string describe(const Attention& a) const override {
        return fmt::format("Mamba, {} channels, state {}, convolution {}", a.width, a.state,
                           a.conv);
    }
};

const sim::Register<AttentionKind, Mamba1> entry{
    "mamba1", "Mamba: a selective state-space model with a decay per channel and state"};

}  // namespace
}  // namespace moesim::models
