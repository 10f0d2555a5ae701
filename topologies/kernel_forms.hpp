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
double gemm_seconds(const Gemm& q, const GemmForm& form, const Hardware& on);

/// Seconds of one attention core alone; 0 for an empty one.
///   FLOP (1 + extra_sequence / sequence) / (share peak), at least one wave of 128-row blocks; +
///   floor
double attention_seconds(const AttentionCore& q, const AttentionForm& form, const Hardware& on);

/// Seconds of a memory-bound kernel alone: bytes / (share bandwidth) + launches floor.
double memory_seconds(const Memory& q, const MemoryForm& form, const Hardware& on);

}  // namespace moesim::topologies
