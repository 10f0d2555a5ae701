#include <algorithm>

#include "scenarios/kernels/mixer.hpp"

namespace moesim::scenarios {
namespace {

using topologies::Pass;

/// The Mamba-2 scan in chunks of C tokens: state n, heads of p channels, B and C common to a group.
///   B against C once per group [C,n]x[n,C]; per head that times the inputs [C,C]x[C,p], the state
///   of the chunk [n,C]x[C,p], the state of those before [C,n]x[n,p]
/// Memory-bound: the convolution over x, B and C (in and out in BF16), dt and its running sum, a
/// state of n p FP32 numbers per chunk and head passed on, the gated norm. The backward pass has
/// two products for each, and first builds the states again. Source: arXiv:2405.21060, section 6;
/// state-spaces/mamba, mamba_ssm/ops/triton/ssd_combined.py.
class Mamba2 final : public MixerKernels {
public:
    void write(KernelSink& out, const models::Attention& a, const MixerShare& share,
               Pass pass) const override {
        const bool forward = pass == Pass::forward;
        const double heads = a.heads / share.ranks, p = a.head_dim, n = a.state;
        const double groups = std::max(1.0, a.groups / share.ranks), tokens = share.tokens;
        const double c = std::min<double>(a.scan_chunk, tokens / share.sequences);
        const double chunks = tokens / c;
        if (a.conv > 0)
            out.traffic("conv1d", tokens * (heads * p + 2 * groups * n) * (forward ? 4 : 6));
        out.traffic("decay_small", tokens * heads * 8, 2);
        if (!forward)
            chunk_product(out, "scan chunk state", Pass::forward, chunks * heads, n, c, p);
        chunk_product(out, "scan scores", pass, chunks * groups, c, n, c);
        chunk_product(out, "scan inside chunk", pass, chunks * heads, c, c, p);
        chunk_product(out, "scan chunk state", pass, chunks * heads, n, c, p);
        chunk_product(out, "scan across chunks", pass, chunks * heads, c, n, p);
        out.traffic("scan_state", chunks * heads * n * p * (forward ? 8 : 16), forward ? 1 : 2);
        out.traffic("gated_norm", tokens * heads * p * (forward ? 6 : 10));
    }
};

const sim::Register<MixerKernels, Mamba2> entry{"mamba2", "chunked state-space scan"};

}  // namespace
}  // namespace moesim::scenarios
