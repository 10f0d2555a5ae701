#pragma once

#include "analysis/microbench/kernels/device.cuh"

namespace moesim::microbench {

struct alignas(8) EightBytes {
    e4m3 v[8];
};

/// BF16 to E4M3 with one FP32 scale (largest value / 448) for 128 values of a row: sixteen lanes
/// make one block of values. groups of eight, a multiple of 16 for each warp's half.
__global__ void cast(const Eight* x, EightBytes* y, float* scale, std::int64_t groups) {
    for (std::int64_t i = first_group(); i < groups; i += group_step()) {
        const Eight in = x[i];
        float most = 0;
        for (int j = 0; j < 8; ++j) most = fmaxf(most, fabsf(to_float(in.v[j])));
        most = fmaxf(max_over(most, 16), 1e-12f);
        EightBytes out;
        for (int j = 0; j < 8; ++j) out.v[j] = to_e4m3(to_float(in.v[j]) * (448.0f / most));
        y[i] = out;
        if (i % 16 == 0) scale[i / 16] = most / 448.0f;
    }
}

__global__ void cast_back(const EightBytes* x, const float* scale, Eight* y, std::int64_t groups) {
    for (std::int64_t i = first_group(); i < groups; i += group_step()) {
        const EightBytes in = x[i];
        const float by = scale[i / 16];
        Eight out;
        for (int j = 0; j < 8; ++j) out.v[j] = to_bf16(e4m3_to_float(in.v[j]) * by);
        y[i] = out;
    }
}

constexpr int kTileRows = 128, kTileColumns = 64, kTileThreads = 256;

/// x [rows, width] BF16 to y [width, rows] E4M3, one scale for 128 rows of a column: scale
/// [width, rows / 128]. A block takes 128 rows of 64 columns, four threads a column.
__global__ void cast_transpose(const bf16* x, e4m3* y, float* scale, std::int64_t rows, int width) {
    __shared__ bf16 tile[kTileRows][kTileColumns + 2];
    const std::int64_t row = static_cast<std::int64_t>(blockIdx.y) * kTileRows;
    const int column = static_cast<int>(blockIdx.x) * kTileColumns;
    for (int i = static_cast<int>(threadIdx.x); i < kTileRows * kTileColumns / 8;
         i += kTileThreads) {
        const int r = i / (kTileColumns / 8), c = i % (kTileColumns / 8) * 8;
        const Eight in = *reinterpret_cast<const Eight*>(x + (row + r) * width + column + c);
        for (int j = 0; j < 8; ++j) tile[r][c + j] = in.v[j];
    }
    __syncthreads();
    const int c = static_cast<int>(threadIdx.x) / 4, part = static_cast<int>(threadIdx.x) % 4;
    float most = 0;
    for (int r = part * 32; r < part * 32 + 32; ++r)
        most = fmaxf(most, fabsf(to_float(tile[r][c])));
    most = fmaxf(max_over(most, 4), 1e-12f);
    e4m3* out = y + (static_cast<std::int64_t>(column) + c) * rows + row + part * 32;
    for (int r = 0; r < 32; r += 8) {
        EightBytes eight;
        for (int j = 0; j < 8; ++j)
            eight.v[j] = to_e4m3(to_float(tile[part * 32 + r + j][c]) * (448.0f / most));
        *reinterpret_cast<EightBytes*>(out + r) = eight;
    }
    if (part == 0)
        scale[(static_cast<std::int64_t>(column) + c) * (rows / kTileRows) + blockIdx.y] =
            most / 448.0f;
}

/// x [rows, width] to y [width, rows], one byte each; tiles as above.
__global__ void weight_transpose(const e4m3* x, e4m3* y, std::int64_t rows, int width) {
    __shared__ e4m3 tile[kTileRows][kTileColumns + 4];
    const std::int64_t row = static_cast<std::int64_t>(blockIdx.y) * kTileRows;
    const int column = static_cast<int>(blockIdx.x) * kTileColumns;
    for (int i = static_cast<int>(threadIdx.x); i < kTileRows * kTileColumns / 8;
         i += kTileThreads) {
        const int r = i / (kTileColumns / 8), c = i % (kTileColumns / 8) * 8;
        const EightBytes in =
            *reinterpret_cast<const EightBytes*>(x + (row + r) * width + column + c);
        for (int j = 0; j < 8; ++j) tile[r][c + j] = in.v[j];
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < kTileRows * kTileColumns / 8;
         i += kTileThreads) {
        const int c = i / (kTileRows / 8), r = i % (kTileRows / 8) * 8;
        EightBytes out;
        for (int j = 0; j < 8; ++j) out.v[j] = tile[r + j][c];
        *reinterpret_cast<EightBytes*>(y + (static_cast<std::int64_t>(column) + c) * rows + row +
                                       r) = out;
    }
}

}  // namespace moesim::microbench
