#include <algorithm>

#include "scenarios/kernels/mixer.hpp"

namespace moesim::scenarios {
namespace {

using topologies::Pass;

/// What a kind of linear attention does beyond scores, values and state.
struct Traits {
    bool delta = false;         // the state is corrected before it takes a value in
    bool decay_vector = false;  // a decay per channel of the key, not per head
};

/// Linear attention in chunks of C tokens, so that it is matrix products. Per chunk and head, keys
/// of size d, values of size v:
///   scores [C,d]x[d,C], values [C,C]x[C,v], state [d,C]x[C,v], read [C,d]x[d,v]
///   delta: keys against keys [C,d]x[d,C], the inverse of that triangle applied to keys and values
///   [C,C]x[C,d], [C,C]x[C,v], the correction [C,d]x[d,v]
/// Memory-bound: a short convolution over q, k, v (read and written once), decays, a state of d v
/// FP32 numbers per chunk written and read, the gated norm of the output. The backward pass has two
/// products for each, and first builds the states again.
/// Sources: arXiv:2312.06635 (chunkwise form), arXiv:2406.06484 and 2412.06464 (delta rule);
/// kernels as in fla-org/flash-linear-attention. Left out: the inversion of the C x C triangles.
class LinearAttention : public MixerKernels {
public:
    explicit LinearAttention(Traits traits) : traits_{traits} {}

    void write(KernelSink& out, const models::Attention& a, const MixerShare& share,
               Pass pass) const override {
        const bool forward = pass == Pass::forward;
        const double heads = a.heads / share.ranks, d = a.head_dim, v = a.value_dim();
        const double keys = a.kv_heads / share.ranks * d, values = heads * v;
        const double c = std::min<double>(a.scan_chunk, share.tokens / share.sequences);
        const double chunks = share.tokens / c * heads, tokens = share.tokens;
        if (a.conv > 0)  // BF16: in and out; backward also the gradient of the output
            out.traffic("conv1d", tokens * (2 * keys + values) * (forward ? 4 : 6));
        out.traffic("decay_small", tokens * heads * (traits_.decay_vector ? d : 1) * 8, 2);
        const auto product = [&](const char* name, double m, double in, double out_size) {
            chunk_product(out, name, pass, chunks, m, in, out_size);
        };
        if (!forward) chunk_product(out, "linear attention state", Pass::forward, chunks, d, c, v);
        product("linear attention scores", c, d, c);
        product("linear attention values", c, c, v);
        product("linear attention state", d, c, v);
        product("linear attention read", c, d, v);
        if (traits_.delta) {
            product("linear attention keys", c, d, c);
            product("linear attention inverse", c, c, d);
            product("linear attention inverse", c, c, v);
            product("linear attention correction", c, d, v);
        }
        out.traffic("scan_state", chunks * d * v * (forward ? 8 : 16), forward ? 1 : 2);
        out.traffic("gated_norm", tokens * values * (forward ? 6 : 10));
    }

private:
    Traits traits_;
};

struct Lightning final : LinearAttention {
    Lightning() : LinearAttention{{}} {}
};
struct GatedDelta final : LinearAttention {
    GatedDelta() : LinearAttention{{true, false}} {}
};
struct Kda final : LinearAttention {
    Kda() : LinearAttention{{true, true}} {}
};

const sim::Register<MixerKernels, Lightning> lightning{"lightning", "chunked linear attention"};
const sim::Register<MixerKernels, GatedDelta> gated_delta{"gated_delta", "chunked delta rule"};
const sim::Register<MixerKernels, Kda> kda{"kda", "chunked delta rule, decay per channel"};

}  // namespace
}  // namespace moesim::scenarios
