#pragma once

// What kernels need from the device beyond the language, so that a test can stand in for it: with
// MOESIM_ON_CPU the same kernels are compiled by a host compiler and run thread by thread.

#include <cstdint>

#ifdef MOESIM_ON_CPU
#include "tests/analysis/microbench_on_cpu.hpp"
#else

#include <cuda_bf16.h>
#include <cuda_fp8.h>

#define UNROLL _Pragma("unroll")
#define SHARED_BYTES(name) extern __shared__ __align__(16) unsigned char name[]

namespace moesim::microbench {

using bf16 = std::uint16_t;
using e4m3 = std::uint8_t;

__device__ inline float to_float(bf16 value) { return __uint_as_float(std::uint32_t{value} << 16); }
__device__ inline bf16 to_bf16(float value) {
    return __bfloat16_as_ushort(__float2bfloat16_rn(value));
}
__device__ inline float e4m3_to_float(e4m3 value) {
    return __half2float(__half(__nv_cvt_fp8_to_halfraw(value, __NV_E4M3)));
}
__device__ inline e4m3 to_e4m3(float value) {
    return __nv_cvt_float_to_fp8(value, __NV_SATFINITE, __NV_E4M3);
}

/// D += A B for 16x8x16: A row-major, B column-major, fragments as in PTX ISA, mma.m16n8k16
/// (.bf16).
__device__ inline void mma(float (&d)[4], const std::uint32_t (&a)[4],
                           const std::uint32_t (&b)[2]) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
        "{%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

/// Two 8x8 tiles, transposed: lanes 0-7 and 8-15 point at the rows of the first and the second.
__device__ inline void load_transposed(std::uint32_t (&r)[2], const bf16* row) {
    const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
                 : "=r"(r[0]), "=r"(r[1])
                 : "r"(address)
                 : "memory");
}

}  // namespace moesim::microbench
#endif

namespace moesim::microbench {

/// Sum or maximum over the `width` lanes around a lane, in each of them.
__device__ inline float sum_over(float value, int width) {
    for (int step = width / 2; step > 0; step /= 2)
        value += __shfl_xor_sync(0xffffffffu, value, step);
    return value;
}
__device__ inline float max_over(float value, int width) {
    for (int step = width / 2; step > 0; step /= 2)
        value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, step));
    return value;
}

/// The group of values that a thread of a grid-wide loop begins with, and how many it then skips.
__device__ inline std::int64_t first_group() {
    return static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline std::int64_t group_step() {
    return static_cast<std::int64_t>(gridDim.x) * blockDim.x;
}

/// Eight BF16 values that travel as 16 bytes.
struct alignas(16) Eight {
    bf16 v[8];
};

}  // namespace moesim::microbench
