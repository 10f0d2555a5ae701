#pragma once

#include <string>

#include "models/model.hpp"
#include "sim/registry.hpp"
#include "topologies/kernel.hpp"

namespace moesim::scenarios {

/// What a rank holds of a mixer: tokens whose heads it computes (the whole sequence of its tensor
/// group) and the part of the heads that is its own.
struct MixerShare {
    double tokens = 0;     // of the micro-batch, per tensor group
    double sequences = 0;  // of the micro-batch
    double ranks = 1;      // over which heads (and channels) are divided
};

/// Takes the kernels of one segment, in order.
class KernelSink {
public:
    virtual ~KernelSink() = default;
    /// `times` matrix products one after another; `q.format` as asked.
    virtual void product(const std::string& name, const topologies::Gemm& q, double times = 1) = 0;
    virtual void scores(const std::string& name, const topologies::AttentionCore& q) = 0;
    /// A memory-bound kernel: bytes read plus written, all launches together.
    virtual void traffic(const std::string& name, double bytes, int launches = 1) = 0;
};

/// The kernels of a mixer between its weight matrices; a new kind is a new file in
/// scenarios/kernels/ registered under the word used as `attention.kind`. The backward pass comes
/// as Pass::input_gradient, weight gradients of what is no matrix included.
class MixerKernels {
public:
    virtual ~MixerKernels() = default;
    virtual void write(KernelSink& out, const models::Attention& mixer, const MixerShare& share,
                       topologies::Pass pass) const = 0;
};

/// Null for a kind that has no kernels of its own (softmax attention, none).
const MixerKernels* mixer_kernels(const std::string& kind);

/// A product of `groups` pairs [m, in] x [in, out] in BF16, forward or, twice, its two gradients.
void chunk_product(KernelSink& out, const std::string& name, topologies::Pass pass, double groups,
                   double m, double in, double out_size);

}  // namespace moesim::scenarios
