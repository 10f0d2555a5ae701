#pragma once

#include "topologies/profile_data.hpp"

namespace moesim::topologies {

/// Rows, columns and depth of the product that a pass of a Gemm is.
struct Product {
    double rows, columns, depth;
};
Product product(const Gemm& q);

/// Seconds of a grouped matrix product alone on the device; 0 for an empty one.
///
///   tiles  = groups ceil(rows/128) ceil(columns/128), waves = max(1, tiles / SMs)
///   time   = max(waves 2 128^2 (depth + extra_depth) / (share peak / SMs), bytes / bandwidth) +
///   floor
///
/// Waves above one are fractional: persistent kernels leave a tail, not a whole empty wave.
/// bytes: both operands once, the result once (a weight gradient reads and writes FP32).
/// With `any_tile` the fastest of eight tile sizes and of up to eight splits of the depth is taken:
/// waves go `quantisation` of the way up to whole ones, a tile of r x c costs (1 + tile_cost (1/r +
/// 1/c)) per element, relative to 128 x 256, and splits pay FP32 partial sums. The maximum is then
/// (a^4 + b^4)^(1/4). Source of the idea: NVIDIA, Matrix Multiplication Background User's Guide
/// (tile and wave quantisation); the parameters are fitted.
double gemm_seconds(const Gemm& q, const GemmForm& form, const Hardware& on);

/// Seconds of one attention core alone; 0 for an empty one.
///   FLOP (1 + extra_sequence / sequence) / (share peak), at least one wave of 128-row blocks; +
///   floor
double attention_seconds(const AttentionCore& q, const AttentionForm& form, const Hardware& on);

/// Seconds of a memory-bound kernel alone: bytes / (share bandwidth) + launches floor.
double memory_seconds(const Memory& q, const MemoryForm& form, const Hardware& on);

}  // namespace moesim::topologies
