#pragma once

#include "analysis/microbench/kernels/device.cuh"

namespace moesim::microbench {

constexpr int kTensors = 8;
constexpr int kAdamChunk = 65536;  // elements that a block takes at a time

/// Tensors that one launch updates; chunks of tensor i begin at first_chunk[i].
struct AdamTensors {
    const float* gradient[kTensors];
    float* master[kTensors];
    float* moment[kTensors];
    float* variance[kTensors];
    bf16* weight[kTensors];
    std::int64_t elements[kTensors];
    int first_chunk[kTensors + 1];
};

struct AdamStep {
    float rate, beta1, beta2, epsilon, decay;
    float correction1, correction2;  // 1 - beta^step
};

/// AdamW with FP32 state, and the BF16 copy of the weight that the next step computes with.
__global__ void adam(AdamTensors all, AdamStep by) {
    for (int chunk = static_cast<int>(blockIdx.x); chunk < all.first_chunk[kTensors];
         chunk += static_cast<int>(gridDim.x)) {
        int t = 0;
        while (chunk >= all.first_chunk[t + 1]) ++t;
        const std::int64_t begin =
            static_cast<std::int64_t>(chunk - all.first_chunk[t]) * kAdamChunk;
        const std::int64_t end = min(begin + kAdamChunk, all.elements[t]);
        for (std::int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) {
            const float g = all.gradient[t][i], w = all.master[t][i];
            const float m = by.beta1 * all.moment[t][i] + (1 - by.beta1) * g;
            const float v = by.beta2 * all.variance[t][i] + (1 - by.beta2) * g * g;
            const float step = m / by.correction1 / (sqrtf(v / by.correction2) + by.epsilon);
            const float next = w - by.rate * (step + by.decay * w);
            all.moment[t][i] = m;
            all.variance[t][i] = v;
            all.master[t][i] = next;
            all.weight[t][i] = to_bf16(next);
        }
    }
}

}  // namespace moesim::microbench
