#include "scenarios/kernels/mixer.hpp"

namespace moesim::scenarios {
namespace {

using topologies::Pass;

/// The selective scan of Mamba: one kernel that reads x, dt, z and B, C and writes y, states in
/// registers; its backward reads them and the gradient again, builds the states again and writes
/// their gradients. Before it the convolution, and the norms of dt, B and C.
/// Taken as memory-bound: 7 FLOP per channel and state are no work for matrix units.
/// Source: arXiv:2312.00752, section 3.3.2; state-spaces/mamba, csrc/selective_scan.
class Mamba1 final : public MixerKernels {
public:
    void write(KernelSink& out, const models::Attention& a, const MixerShare& share,
               Pass pass) const override {
        const bool forward = pass == Pass::forward;
        const double wide = share.tokens * a.width / share.ranks;
        const double small = share.tokens * (a.dt_rank + 2.0 * a.state);
        if (a.conv > 0) out.traffic("conv1d", wide * (forward ? 4 : 6));
        out.traffic("rmsnorm", small * (forward ? 4 : 6), 3);
        // BF16: x, dt, z in and y out; backward x, dt, z, dy in and three gradients out.
        out.traffic("selective_scan", wide * (forward ? 8 : 14) + small * (forward ? 2 : 6));
    }
};

const sim::Register<MixerKernels, Mamba1> entry{"mamba1", "selective scan"};

}  // namespace
}  // namespace moesim::scenarios
