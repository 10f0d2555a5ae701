#include "scenarios/kernels/mixer.hpp"

#include <map>

namespace moesim::scenarios {

const MixerKernels* mixer_kernels(const std::string& kind) {
    static const auto kinds = [] {
        std::map<std::string, std::unique_ptr<MixerKernels>> all;
        for (const auto& [name, entry] : sim::Registry<MixerKernels>::entries())
            all[name] = entry.make();
        return all;
    }();
    const auto found = kinds.find(kind);
    return found == kinds.end() ? nullptr : found->second.get();
}

void chunk_product(KernelSink& out, const std::string& name, topologies::Pass pass, double groups,
                   double m, double in, double out_size) {
    topologies::Gemm q;
    q.format = "bf16";
    q.groups = groups;
    q.m = m;
    q.in = in;
    q.out = out_size;
    if (pass == topologies::Pass::forward) return out.product(name, q);
    // Both operands are activations: [m, out] x [out, in] and [in, m] x [m, out].
    q.pass = topologies::Pass::input_gradient;
    out.product(name + " gradient", q);
    q.pass = topologies::Pass::forward;
    q.m = in;
    q.in = m;
    out.product(name + " gradient", q);
}

}  // namespace moesim::scenarios
