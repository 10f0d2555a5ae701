#pragma once

#include "analysis/microbench/kernels/device.cuh"

namespace moesim::microbench {

// Softmax attention without the score matrix in memory, forward and backward, on mma.m16n8k16.
// Plain on purpose: tiles are loaded when needed, nothing is staged ahead, no Hopper instructions.
// The time is an upper bound on what a tuned library takes. q, dq [sequence, heads, D]; k, dk
// [sequence, kv_heads, D]; v, dv [sequence, kv_heads, V]; o, do [sequence, heads, V]; lse, delta
// [heads, sequence]. sequence is a multiple of 64. Formulas: Dao et al., arXiv:2205.14135,
// algorithms 1 and 4; arXiv:2307.08691.

constexpr int kTile = 64;       // queries (forward), keys (both) of a block
constexpr int kQueryTile = 32;  // queries at a time, backward
constexpr int kCoreThreads = 128;
constexpr int kPad = 8;  // spreads rows over the banks

struct CoreShape {
    int sequence, heads, kv_heads;
    float scale;
    bool causal;
};

template <int D, int V>
constexpr int forward_shared_bytes() {
    return (2 * kTile * (D + kPad) + kTile * (V + kPad)) * 2;
}
template <int D, int V>
constexpr int backward_shared_bytes() {
    return ((kTile + kQueryTile) * (D + kPad + V + kPad) + kTile * (kQueryTile + kPad)) * 2 +
           2 * kQueryTile * 4;
}

__device__ inline std::uint32_t pair(float low, float high) {
    return std::uint32_t{to_bf16(low)} | std::uint32_t{to_bf16(high)} << 16;
}
__device__ inline std::uint32_t two(const bf16* at) {
    return *reinterpret_cast<const std::uint32_t*>(at);
}

/// Copies kRows rows of N values, `stride` apart in memory, into shared rows of N + kPad.
template <int kRows, int N>
__device__ inline void load_rows(bf16* shared, const bf16* from, std::int64_t stride) {
    for (int i = static_cast<int>(threadIdx.x); i < kRows * N / 8; i += kCoreThreads) {
        const int row = i / (N / 8), column = i % (N / 8) * 8;
        *reinterpret_cast<Eight*>(shared + row * (N + kPad) + column) =
            *reinterpret_cast<const Eight*>(from + row * stride + column);
    }
}

/// Rows `row` and `row + 8` of a row-major shared tile as the A operand at depth `k`.
template <int N>
__device__ inline void load_a(std::uint32_t (&a)[4], const bf16* tile, int row, int k) {
    const bf16* at = tile + row * (N + kPad) + k;
    a[0] = two(at);
    a[1] = two(at + 8 * (N + kPad));
    a[2] = two(at + 8);
    a[3] = two(at + 8 * (N + kPad) + 8);
}

template <int D, int V>
__global__ void __launch_bounds__(kCoreThreads)
    attention_forward(const bf16* q, const bf16* k, const bf16* v, bf16* o, float* lse,
                      CoreShape shape) {
    SHARED_BYTES(shared);
    bf16* queries = reinterpret_cast<bf16*>(shared);
    bf16* keys = queries + kTile * (D + kPad);
    bf16* values = keys + kTile * (D + kPad);
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    const int g = lane / 4, t = lane % 4;
    const int block = static_cast<int>(gridDim.x - 1 - blockIdx.x);  // long rows first
    const int head = static_cast<int>(blockIdx.y), kv = head / (shape.heads / shape.kv_heads);
    const int first = block * kTile;
    load_rows<kTile, D>(queries, q + (static_cast<std::int64_t>(first) * shape.heads + head) * D,
                        static_cast<std::int64_t>(shape.heads) * D);
    const int row = warp * 16 + g;
    float out[V / 8][4] = {}, most[2] = {-INFINITY, -INFINITY}, sum[2] = {};
    const int tiles = shape.causal ? block + 1 : shape.sequence / kTile;
    for (int tile = 0; tile < tiles; ++tile) {
        __syncthreads();
        const std::int64_t at = static_cast<std::int64_t>(tile) * kTile * shape.kv_heads + kv;
        load_rows<kTile, D>(keys, k + at * D, static_cast<std::int64_t>(shape.kv_heads) * D);
        load_rows<kTile, V>(values, v + at * V, static_cast<std::int64_t>(shape.kv_heads) * V);
        __syncthreads();
        float s[kTile / 8][4] = {};
        UNROLL
        for (int d = 0; d < D; d += 16) {
            std::uint32_t a[4];
            load_a<D>(a, queries, row, d + t * 2);
            UNROLL
            for (int n = 0; n < kTile / 8; ++n) {
                const bf16* key = keys + (n * 8 + g) * (D + kPad) + d + t * 2;
                const std::uint32_t b[2] = {two(key), two(key + 8)};
                mma(s[n], a, b);
            }
        }
        UNROLL
        for (int half = 0; half < 2; ++half) {
            const int query = first + row + half * 8;
            float peak = most[half];
            UNROLL
            for (int n = 0; n < kTile / 8; ++n)
                for (int j = 0; j < 2; ++j) {
                    float& score = s[n][half * 2 + j];
                    score *= shape.scale;
                    if (shape.causal && tile * kTile + n * 8 + t * 2 + j > query) score = -INFINITY;
                    peak = fmaxf(peak, score);
                }
            peak = max_over(peak, 4);
            const float shrink = __expf(most[half] - peak);
            most[half] = peak;
            float here = 0;
            UNROLL
            for (int n = 0; n < kTile / 8; ++n)
                for (int j = 0; j < 2; ++j) {
                    float& score = s[n][half * 2 + j];
                    score = __expf(score - peak);
                    here += score;
                }
            sum[half] = sum[half] * shrink + here;
            UNROLL
            for (int n = 0; n < V / 8; ++n)
                for (int j = 0; j < 2; ++j) out[n][half * 2 + j] *= shrink;
        }
        UNROLL
        for (int key = 0; key < kTile / 16; ++key) {
            const auto& x = s[2 * key];
            const auto& y = s[2 * key + 1];
            const std::uint32_t a[4] = {pair(x[0], x[1]), pair(x[2], x[3]), pair(y[0], y[1]),
                                        pair(y[2], y[3])};
            UNROLL
            for (int n = 0; n < V / 8; ++n) {
                std::uint32_t b[2];
                load_transposed(b, values + (key * 16 + lane % 16) * (V + kPad) + n * 8);
                mma(out[n], a, b);
            }
        }
    }
    UNROLL
    for (int half = 0; half < 2; ++half) {
        const float total = sum_over(sum[half], 4);
        const int query = first + row + half * 8;
        bf16* to = o + (static_cast<std::int64_t>(query) * shape.heads + head) * V + t * 2;
        UNROLL
        for (int n = 0; n < V / 8; ++n)
            *reinterpret_cast<std::uint32_t*>(to + n * 8) =
                pair(out[n][half * 2] / total, out[n][half * 2 + 1] / total);
        if (t == 0)
            lse[static_cast<std::int64_t>(head) * shape.sequence + query] =
                most[half] + logf(total);
    }
}

/// delta = sum of do o over a row; a warp for each (query, head).
template <int V>
__global__ void attention_delta(const bf16* o, const bf16* dout, float* delta, CoreShape shape) {
    const std::int64_t at = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) / 32;
    const int lane = static_cast<int>(threadIdx.x) % 32;
    if (at >= static_cast<std::int64_t>(shape.sequence) * shape.heads) return;  // whole warps
    float sum = 0;
    for (int i = lane; i < V; i += 32) sum += to_float(o[at * V + i]) * to_float(dout[at * V + i]);
    sum = sum_over(sum, 32);
    if (lane == 0) delta[at % shape.heads * shape.sequence + at / shape.heads] = sum;
}

/// dk, dv and the sums dq32 (FP32, zero at first). A block holds 64 keys of one key-value head,
/// goes over the queries of all heads that share it, and computes scores with keys as rows.
template <int D, int V>
__global__ void __launch_bounds__(kCoreThreads)
    attention_backward(const bf16* q, const bf16* k, const bf16* v, const bf16* dout,
                       const float* lse, const float* delta, float* dq32, bf16* dk, bf16* dv,
                       CoreShape shape) {
    SHARED_BYTES(shared);
    bf16* keys = reinterpret_cast<bf16*>(shared);
    bf16* values = keys + kTile * (D + kPad);
    bf16* queries = values + kTile * (V + kPad);
    bf16* gradients = queries + kQueryTile * (D + kPad);
    bf16* scores = gradients + kQueryTile * (V + kPad);  // d score [key, query]
    float* stats =
        reinterpret_cast<float*>(scores + kTile * (kQueryTile + kPad));  // lse, then delta
    const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
    const int g = lane / 4, t = lane % 4;
    const int first = static_cast<int>(blockIdx.x) * kTile, kv = static_cast<int>(blockIdx.y);
    const std::int64_t at = static_cast<std::int64_t>(first) * shape.kv_heads + kv;
    load_rows<kTile, D>(keys, k + at * D, static_cast<std::int64_t>(shape.kv_heads) * D);
    load_rows<kTile, V>(values, v + at * V, static_cast<std::int64_t>(shape.kv_heads) * V);
    const int row = warp * 16 + g;
    float key_sum[D / 8][4] = {}, value_sum[V / 8][4] = {};
    const int sharing = shape.heads / shape.kv_heads;
    for (int head = kv * sharing; head < (kv + 1) * sharing; ++head)
        for (int tile = shape.causal ? first / kQueryTile : 0; tile < shape.sequence / kQueryTile;
             ++tile) {
            __syncthreads();
            const int query = tile * kQueryTile;
            const std::int64_t from = static_cast<std::int64_t>(query) * shape.heads + head;
            load_rows<kQueryTile, D>(queries, q + from * D,
                                     static_cast<std::int64_t>(shape.heads) * D);
            load_rows<kQueryTile, V>(gradients, dout + from * V,
                                     static_cast<std::int64_t>(shape.heads) * V);
            if (threadIdx.x < kQueryTile) {
                const std::int64_t i =
                    static_cast<std::int64_t>(head) * shape.sequence + query + threadIdx.x;
                stats[threadIdx.x] = lse[i];
                stats[kQueryTile + threadIdx.x] = delta[i];
            }
            __syncthreads();
            float p[kQueryTile / 8][4] = {}, dp[kQueryTile / 8][4] = {};
            UNROLL
            for (int d = 0; d < D; d += 16) {
                std::uint32_t a[4];
                load_a<D>(a, keys, row, d + t * 2);
                UNROLL
                for (int n = 0; n < kQueryTile / 8; ++n) {
                    const bf16* other = queries + (n * 8 + g) * (D + kPad) + d + t * 2;
                    const std::uint32_t b[2] = {two(other), two(other + 8)};
                    mma(p[n], a, b);
                }
            }
            UNROLL
            for (int d = 0; d < V; d += 16) {
                std::uint32_t a[4];
                load_a<V>(a, values, row, d + t * 2);
                UNROLL
                for (int n = 0; n < kQueryTile / 8; ++n) {
                    const bf16* other = gradients + (n * 8 + g) * (V + kPad) + d + t * 2;
                    const std::uint32_t b[2] = {two(other), two(other + 8)};
                    mma(dp[n], a, b);
                }
            }
            UNROLL
            for (int n = 0; n < kQueryTile / 8; ++n) UNROLL
            for (int j = 0; j < 4; ++j) {
                const int column = n * 8 + t * 2 + j % 2, key = row + j / 2 * 8;
                const bool hidden = shape.causal && first + key > query + column;
                p[n][j] = hidden ? 0.0f : __expf(p[n][j] * shape.scale - stats[column]);
                dp[n][j] = p[n][j] * (dp[n][j] - stats[kQueryTile + column]);
            }
            UNROLL
            for (int n = 0; n < kQueryTile / 8; ++n) UNROLL
            for (int half = 0; half < 2; ++half)
                *reinterpret_cast<std::uint32_t*>(scores + (row + half * 8) * (kQueryTile + kPad) +
                                                  n * 8 + t * 2) =
                    pair(dp[n][half * 2], dp[n][half * 2 + 1]);
            UNROLL
            for (int i = 0; i < kQueryTile / 16; ++i) {
                const std::uint32_t a[4] = {
                    pair(p[2 * i][0], p[2 * i][1]), pair(p[2 * i][2], p[2 * i][3]),
                    pair(p[2 * i + 1][0], p[2 * i + 1][1]), pair(p[2 * i + 1][2], p[2 * i + 1][3])};
                UNROLL
                for (int n = 0; n < V / 8; ++n) {
                    std::uint32_t b[2];
                    load_transposed(b, gradients + (i * 16 + lane % 16) * (V + kPad) + n * 8);
                    mma(value_sum[n], a, b);
                }
                const std::uint32_t da[4] = {pair(dp[2 * i][0], dp[2 * i][1]),
                                             pair(dp[2 * i][2], dp[2 * i][3]),
                                             pair(dp[2 * i + 1][0], dp[2 * i + 1][1]),
                                             pair(dp[2 * i + 1][2], dp[2 * i + 1][3])};
                UNROLL
                for (int n = 0; n < D / 8; ++n) {
                    std::uint32_t b[2];
                    load_transposed(b, queries + (i * 16 + lane % 16) * (D + kPad) + n * 8);
                    mma(key_sum[n], da, b);
                }
            }
            __syncthreads();
            // dq: each warp 16 of the 32 queries and half of the columns.
            const int part = warp % 2 * 16;
            std::uint32_t a[kTile / 16][4];
            UNROLL
            for (int i = 0; i < kTile / 16; ++i) {
                const bf16* at_key = scores + (i * 16 + lane % 16) * (kQueryTile + kPad) + part;
                std::uint32_t low[2], high[2];
                load_transposed(low, at_key);
                load_transposed(high, at_key + 8);
                a[i][0] = low[0], a[i][2] = low[1];
                a[i][1] = high[0], a[i][3] = high[1];
            }
            for (int n = warp / 2 * (D / 16); n < (warp / 2 + 1) * (D / 16); ++n) {
                float sum[4] = {};
                UNROLL
                for (int i = 0; i < kTile / 16; ++i) {
                    std::uint32_t b[2];
                    load_transposed(b, keys + (i * 16 + lane % 16) * (D + kPad) + n * 8);
                    mma(sum, a[i], b);
                }
                float* to = dq32 +
                            (static_cast<std::int64_t>(query + part + g) * shape.heads + head) * D +
                            n * 8 + t * 2;
                const std::int64_t below = static_cast<std::int64_t>(8) * shape.heads * D;
                atomicAdd(to, sum[0] * shape.scale);
                atomicAdd(to + 1, sum[1] * shape.scale);
                atomicAdd(to + below, sum[2] * shape.scale);
                atomicAdd(to + below + 1, sum[3] * shape.scale);
            }
        }
    UNROLL
    for (int half = 0; half < 2; ++half) {
        const std::int64_t key =
            static_cast<std::int64_t>(first + row + half * 8) * shape.kv_heads + kv;
        UNROLL
        for (int n = 0; n < D / 8; ++n)
            *reinterpret_cast<std::uint32_t*>(dk + key * D + n * 8 + t * 2) =
                pair(key_sum[n][half * 2] * shape.scale, key_sum[n][half * 2 + 1] * shape.scale);
        UNROLL
        for (int n = 0; n < V / 8; ++n)
            *reinterpret_cast<std::uint32_t*>(dv + key * V + n * 8 + t * 2) =
                pair(value_sum[n][half * 2], value_sum[n][half * 2 + 1]);
    }
}

/// FP32 to BF16, in groups of eight.
__global__ void narrow(const float4* x, Eight* y, std::int64_t groups) {
    for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
         i < groups; i += static_cast<std::int64_t>(gridDim.x) * blockDim.x) {
        const float4 a = x[2 * i], b = x[2 * i + 1];
        y[i] = Eight{{to_bf16(a.x), to_bf16(a.y), to_bf16(a.z), to_bf16(a.w), to_bf16(b.x),
                      to_bf16(b.y), to_bf16(b.z), to_bf16(b.w)}};
    }
}

}  // namespace moesim::microbench
