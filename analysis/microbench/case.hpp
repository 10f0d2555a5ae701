#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace moesim::microbench {

/// One thing to measure. A number that does not apply is 0 and an empty field of the trace; the
/// meaning of each is that of the trace's column (README.md beside this file).
struct Case {
    std::string op;      // gemm, grouped_gemm, attention, memory, launch
    std::string kernel;  // memory, launch: which; gemm: "beside_copy" when it is held up
    std::string pass;    // forward, input_gradient, weight_gradient
    std::string dtype;   // bf16, fp8, fp8_block, mxfp8
    // GEMM, in the dimensions of its forward pass. memory: m rows of `out` elements
    std::int64_t m = 0, out = 0, in = 0;
    int groups = 0;   // grouped_gemm: experts; router_topk, expert_map: experts; permute: copies
    double skew = 0;  // grouped_gemm: rows of the fullest group over the mean
    int batch = 0, heads = 0, kv_heads = 0, sequence = 0, qk_dim = 0, v_dim = 0;
    bool causal = false;     // attention only
    std::int64_t bytes = 0;  // memory: read and written
    int launches = 0;        // kernels of one execution
    int sms_held = 0;        // by a copy kernel on another stream

    bool operator==(const Case&) const = default;
};

/// FLOP of one execution; 0 for what only moves bytes. Attention: 2 batch heads sequence^2
/// (qk_dim + v_dim), half of it when causal, 2.5 x backward (as topologies/kernel.hpp).
double flop(const Case& what);

/// Bytes that one execution must read and write at least.
double bytes(const Case& what);

/// One word for --ops: the op, or for memory-bound kernels also the kernel's own name.
bool matches(const Case& what, const std::string& word);

/// A short line for people: "gemm fp8 weight_gradient 4096 x 7168 x 2048".
std::string describe(const Case& what);

}  // namespace moesim::microbench
