#include "scenarios/kernels/mixer.hpp"

namespace moesim::scenarios {
namespace {

using topologies::Pass;

/// The recurrent part of an LSTM: one product [sequences, back] x [back, 4 cells] per position, one
/// after another; element-wise gates beside it. The products with the input, and the recurrent
/// weight gradient, take all positions at once and are weight matrices like others.
class Lstm final : public MixerKernels {
public:
    void write(KernelSink& out, const models::Attention& a, const MixerShare& share,
               Pass pass) const override {
        const bool forward = pass == Pass::forward;
        topologies::Gemm q;
        q.pass = forward ? Pass::forward : Pass::input_gradient;
        q.format = "bf16";
        q.m = share.sequences;
        q.in = a.head_dim > 0 ? a.head_dim : a.width;
        q.out = 4.0 * a.width;
        out.product("recurrent", q, share.tokens / share.sequences);
        out.traffic("lstm_gates", share.tokens * a.width * (forward ? 14 : 22));
    }
};

const sim::Register<MixerKernels, Lstm> entry{"lstm", "one position after another"};

}  // namespace
}  // namespace moesim::scenarios
