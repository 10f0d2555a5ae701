#pragma once

#include "analysis/microbench/kernels/device.cuh"

namespace moesim::microbench {

// Each thread takes groups of eight values in turn; counts are in such groups.

/// z = x + y.
__global__ void add(const Eight* x, const Eight* y, Eight* z, std::int64_t groups) {
    for (std::int64_t i = first_group(); i < groups; i += group_step()) {
        const Eight a = x[i], b = y[i];
        Eight out;
        for (int j = 0; j < 8; ++j) out.v[j] = to_bf16(to_float(a.v[j]) + to_float(b.v[j]));
        z[i] = out;
    }
}

/// y = silu(gate) up; in [rows, 2 width] holds gates, then ups; y [rows, width]. width: in groups.
__global__ void swiglu(const Eight* in, Eight* y, std::int64_t rows, int width) {
    for (std::int64_t i = first_group(); i < rows * width; i += group_step()) {
        const std::int64_t at = i / width * 2 * width + i % width;
        const Eight gate = in[at], up = in[at + width];
        Eight out;
        for (int j = 0; j < 8; ++j) {
            const float g = to_float(gate.v[j]);
            out.v[j] = to_bf16(g / (1.0f + __expf(-g)) * to_float(up.v[j]));
        }
        y[i] = out;
    }
}

/// d gate = dy up s (1 + gate (1 - s)), d up = dy gate s with s = sigmoid(gate).
__global__ void swiglu_backward(const Eight* in, const Eight* dy, Eight* din, std::int64_t rows,
                                int width) {
    for (std::int64_t i = first_group(); i < rows * width; i += group_step()) {
        const std::int64_t at = i / width * 2 * width + i % width;
        const Eight gate = in[at], up = in[at + width], gradient = dy[i];
        Eight dgate, dup;
        for (int j = 0; j < 8; ++j) {
            const float g = to_float(gate.v[j]), d = to_float(gradient.v[j]);
            const float s = 1.0f / (1.0f + __expf(-g));
            dgate.v[j] = to_bf16(d * to_float(up.v[j]) * s * (1.0f + g * (1.0f - s)));
            dup.v[j] = to_bf16(d * g * s);
        }
        din[at] = dgate;
        din[at + width] = dup;
    }
}

constexpr int kRopeHead = 64;  // values that turn together: i with i + 32

/// Rotates pairs by the angles of table [positions, 32] (cosine, sine); row r has position
/// r mod positions. x, y [rows, width], width a multiple of 64 values.
__global__ void rope(const bf16* x, const float2* table, bf16* y, std::int64_t rows, int width,
                     int positions) {
    const int eights = width / 16;  // groups of a row whose partners are the other half
    for (std::int64_t i = first_group(); i < rows * eights; i += group_step()) {
        const std::int64_t row = i / eights;
        const int group = static_cast<int>(i % eights);
        const std::int64_t low = row * width + group / 4 * kRopeHead + group % 4 * 8;
        const Eight a = *reinterpret_cast<const Eight*>(x + low);
        const Eight b = *reinterpret_cast<const Eight*>(x + low + 32);
        Eight first, second;
        for (int j = 0; j < 8; ++j) {
            const float2 turn = table[row % positions * 32 + group % 4 * 8 + j];
            const float u = to_float(a.v[j]), v = to_float(b.v[j]);
            first.v[j] = to_bf16(u * turn.x - v * turn.y);
            second.v[j] = to_bf16(v * turn.x + u * turn.y);
        }
        *reinterpret_cast<Eight*>(y + low) = first;
        *reinterpret_cast<Eight*>(y + low + 32) = second;
    }
}

}  // namespace moesim::microbench
