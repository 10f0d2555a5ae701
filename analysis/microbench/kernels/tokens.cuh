#pragma once

#include "analysis/microbench/kernels/device.cuh"

namespace moesim::microbench {

constexpr int kRowThreads = 256;
constexpr int kTopK = 8;

/// Row r of y is row from[r] of x; a block for each row. width: in groups of eight values.
__global__ void permute(const Eight* x, const int* from, Eight* y, int width) {
    const Eight* in = x + static_cast<std::int64_t>(from[blockIdx.x]) * width;
    Eight* out = y + static_cast<std::int64_t>(blockIdx.x) * width;
    for (int i = static_cast<int>(threadIdx.x); i < width; i += kRowThreads) out[i] = in[i];
}

/// Row t of y is the sum of rows at[t, copies] of x, each times its weight [t, copies].
__global__ void unpermute(const Eight* x, const int* at, const float* weight, Eight* y, int width,
                          int copies) {
    const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * copies;
    Eight* out = y + static_cast<std::int64_t>(blockIdx.x) * width;
    for (int i = static_cast<int>(threadIdx.x); i < width; i += kRowThreads) {
        float sum[8] = {};
        for (int c = 0; c < copies; ++c) {
            const Eight in = x[static_cast<std::int64_t>(at[first + c]) * width + i];
            for (int j = 0; j < 8; ++j) sum[j] += weight[first + c] * to_float(in.v[j]);
        }
        Eight result;
        for (int j = 0; j < 8; ++j) result.v[j] = to_bf16(sum[j]);
        out[i] = result;
    }
}

/// The eight largest sigmoid scores of each token, largest first, and their shares of the eight's
/// sum. logits [tokens, experts] FP32, expert and share [tokens, 8]; a warp for each token, lower
/// experts win ties. experts = 32 kPerLane.
template <int kPerLane>
__global__ void router_topk(const float* logits, int* expert, float* share, std::int64_t tokens) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const std::int64_t token =
        (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / 32;
    if (token >= tokens) return;  // whole warps
    float score[kPerLane];
    for (int i = 0; i < kPerLane; ++i)
        score[i] = 1.0f / (1.0f + __expf(-logits[token * 32 * kPerLane + i * 32 + lane]));
    float mine = 0, total = 0;
    int choice = 0;
    for (int k = 0; k < kTopK; ++k) {
        float best = -1;
        int where = 0;
        UNROLL
        for (int i = 0; i < kPerLane; ++i)
            if (score[i] > best) best = score[i], where = i * 32 + lane;
        for (int step = 16; step > 0; step /= 2) {
            const float other = __shfl_xor_sync(0xffffffffu, best, step);
            const int there = __shfl_xor_sync(0xffffffffu, where, step);
            if (other > best || (other == best && there < where)) best = other, where = there;
        }
        if (lane == k) mine = best, choice = where;
        total += best;
        UNROLL
        for (int i = 0; i < kPerLane; ++i)
            if (i * 32 + lane == where) score[i] = -1;
    }
    if (lane < kTopK) {
        expert[token * kTopK + lane] = choice;
        share[token * kTopK + lane] = mine / total;
    }
}

constexpr int kMostExperts = 256;

/// Adds to count [experts] how often each expert is chosen.
__global__ void count_experts(const int* expert, int* count, std::int64_t choices, int experts) {
    __shared__ int here[kMostExperts];
    for (int e = static_cast<int>(threadIdx.x); e < experts; e += static_cast<int>(blockDim.x))
        here[e] = 0;
    __syncthreads();
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
         i < choices; i += static_cast<std::int64_t>(gridDim.x) * blockDim.x)
        atomicAdd(&here[expert[i]], 1);
    __syncthreads();
    for (int e = static_cast<int>(threadIdx.x); e < experts; e += static_cast<int>(blockDim.x))
        if (here[e] > 0) atomicAdd(&count[e], here[e]);
}

/// place [choices]: the row of each choice once rows are grouped by expert. `taken` [experts] is
/// zero at first. Within an expert the order is as the blocks come.
__global__ void place_choices(const int* expert, const int* count, int* taken, int* place,
                              std::int64_t choices, int experts) {
    __shared__ int begin[kMostExperts];
    if (threadIdx.x == 0) {
        int sum = 0;
        for (int e = 0; e < experts; ++e) {
            begin[e] = sum;
            sum += count[e];
        }
    }
    __syncthreads();
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
         i < choices; i += static_cast<std::int64_t>(gridDim.x) * blockDim.x)
        place[i] = begin[expert[i]] + atomicAdd(&taken[expert[i]], 1);
}

}  // namespace moesim::microbench
