#pragma once

#include "analysis/microbench/kernels/device.cuh"

namespace moesim::microbench {

constexpr int kNormThreads = 256;
constexpr int kNormVectors = 4;  // of 8 values for each thread: rows of at most 8,192

/// Sum over the block, in every thread. `scratch` [8] is shared.
__device__ inline float block_sum(float value, float* scratch) {
    value = sum_over(value, 32);
    __syncthreads();
    if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = value;
    __syncthreads();
    float all = 0;
    for (int warp = 0; warp < kNormThreads / 32; ++warp) all += scratch[warp];
    return all;
}

/// y = x w / rms(x), one block per row. x, y [rows, width], w [width], inverse rms [rows].
__global__ void rmsnorm(const bf16* x, const bf16* w, bf16* y, float* inverse, int width) {
    __shared__ float scratch[kNormThreads / 32];
    const auto* in =
        reinterpret_cast<const Eight*>(x + static_cast<std::int64_t>(blockIdx.x) * width);
    auto* out = reinterpret_cast<Eight*>(y + static_cast<std::int64_t>(blockIdx.x) * width);
    const auto* weight = reinterpret_cast<const Eight*>(w);
    Eight held[kNormVectors];
    float squares = 0;
    UNROLL
    for (int i = 0; i < kNormVectors; ++i) {
        const int at = i * kNormThreads + static_cast<int>(threadIdx.x);
        if (at * 8 >= width) continue;
        held[i] = in[at];
        for (int j = 0; j < 8; ++j) squares += to_float(held[i].v[j]) * to_float(held[i].v[j]);
    }
    const float scale = rsqrtf(block_sum(squares, scratch) / static_cast<float>(width) + 1e-6f);
    UNROLL
    for (int i = 0; i < kNormVectors; ++i) {
        const int at = i * kNormThreads + static_cast<int>(threadIdx.x);
        if (at * 8 >= width) continue;
        const Eight gain = weight[at];
        Eight result;
        for (int j = 0; j < 8; ++j)
            result.v[j] = to_bf16(to_float(held[i].v[j]) * scale * to_float(gain.v[j]));
        out[at] = result;
    }
    if (threadIdx.x == 0) inverse[blockIdx.x] = scale;
}

/// dx = inverse (w dy - n mean(w dy n)) with n = x inverse; blocks take rows in turn and leave the
/// sum of dy n over their rows in partial [blocks, width].
__global__ void rmsnorm_backward(const bf16* x, const bf16* w, const bf16* dy, const float* inverse,
                                 bf16* dx, float* partial, std::int64_t rows, int width) {
    __shared__ float scratch[kNormThreads / 32];
    const auto* weight = reinterpret_cast<const Eight*>(w);
    float dw[kNormVectors][8] = {};
    for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
        const auto* in = reinterpret_cast<const Eight*>(x + row * width);
        const auto* gradient = reinterpret_cast<const Eight*>(dy + row * width);
        auto* out = reinterpret_cast<Eight*>(dx + row * width);
        const float scale = inverse[row];
        float normal[kNormVectors][8], pushed[kNormVectors][8];
        float dot = 0;
        UNROLL
        for (int i = 0; i < kNormVectors; ++i) {
            const int at = i * kNormThreads + static_cast<int>(threadIdx.x);
            if (at * 8 >= width) continue;
            const Eight value = in[at], g = gradient[at], gain = weight[at];
            UNROLL
            for (int j = 0; j < 8; ++j) {
                normal[i][j] = to_float(value.v[j]) * scale;
                pushed[i][j] = to_float(g.v[j]) * to_float(gain.v[j]);
                dot += normal[i][j] * pushed[i][j];
                dw[i][j] += to_float(g.v[j]) * normal[i][j];
            }
        }
        const float mean = block_sum(dot, scratch) / static_cast<float>(width);
        UNROLL
        for (int i = 0; i < kNormVectors; ++i) {
            const int at = i * kNormThreads + static_cast<int>(threadIdx.x);
            if (at * 8 >= width) continue;
            Eight result;
            UNROLL
            for (int j = 0; j < 8; ++j)
                result.v[j] = to_bf16(scale * (pushed[i][j] - normal[i][j] * mean));
            out[at] = result;
        }
    }
    UNROLL
    for (int i = 0; i < kNormVectors; ++i) {
        const int at = i * kNormThreads + static_cast<int>(threadIdx.x);
        if (at * 8 >= width) continue;
        for (int j = 0; j < 8; ++j)
            partial[static_cast<std::int64_t>(blockIdx.x) * width + at * 8 + j] = dw[i][j];
    }
}

/// Column sums of partial [blocks, width].
__global__ void sum_partials(const float* partial, float* dw, int blocks, int width) {
    const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (column >= width) return;
    float sum = 0;
    for (int i = 0; i < blocks; ++i) sum += partial[static_cast<std::int64_t>(i) * width + column];
    dw[column] = sum;
}

}  // namespace moesim::microbench
