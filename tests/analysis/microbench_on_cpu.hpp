#pragma once

// Enough of CUDA to run a kernel on the host, thread by thread: each thread of a block is one of
// the host's, blocks run one after another, and lanes of a warp meet at a barrier for what they
// exchange.

#include <atomic>
#include <barrier>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "analysis/microbench/formats.hpp"

#define __device__
#define __global__
#define __launch_bounds__(...)
#define __shared__ static
#define UNROLL
#define SHARED_BYTES(name) unsigned char* name = cpu::shared_bytes()

struct float2 {
    float x, y;
};
struct float4 {
    float x, y, z, w;
};

namespace cpu {

struct Index {
    unsigned x = 0, y = 0, z = 0;
};

/// What the lanes of a warp show each other.
struct Warp {
    std::barrier<> meet{32};
    struct Lane {
        std::uint64_t value;
        std::uint32_t a[4], b[2];
        const std::uint16_t* row;
    } lanes[32];
};

struct Block {
    explicit Block(unsigned threads) : meet{static_cast<std::ptrdiff_t>(threads)} {
        for (unsigned i = 0; i < threads / 32; ++i) warps.push_back(std::make_unique<Warp>());
    }
    std::barrier<> meet;
    std::vector<std::unique_ptr<Warp>> warps;
};

inline thread_local Index thread_index, block_index, block_size, grid_size;
inline thread_local Block* block = nullptr;

inline unsigned char* shared_bytes() {
    alignas(16) static unsigned char bytes[1 << 17];
    return bytes;
}
inline Warp& warp() { return *block->warps[thread_index.x / 32]; }
inline unsigned lane() { return thread_index.x % 32; }

/// Runs `kernel` for a grid of x by y blocks of `threads` (whole warps).
inline void launch(unsigned x, unsigned y, unsigned threads, const std::function<void()>& kernel) {
    for (unsigned by = 0; by < y; ++by)
        for (unsigned bx = 0; bx < x; ++bx) {
            Block here(threads);
            std::vector<std::thread> all;
            for (unsigned t = 0; t < threads; ++t)
                all.emplace_back([&, t] {
                    thread_index = {t, 0, 0};
                    block_index = {bx, by, 0};
                    block_size = {threads, 1, 1};
                    grid_size = {x, y, 1};
                    block = &here;
                    kernel();
                    here.meet.arrive_and_drop();
                    warp().meet.arrive_and_drop();
                });
            for (std::thread& one : all) one.join();
        }
}

}  // namespace cpu

#define threadIdx cpu::thread_index
#define blockIdx cpu::block_index
#define blockDim cpu::block_size
#define gridDim cpu::grid_size

inline void __syncthreads() { cpu::block->meet.arrive_and_wait(); }

template <class T>
T __shfl_xor_sync(unsigned, T value, int step) {
    cpu::Warp& warp = cpu::warp();
    std::memcpy(&warp.lanes[cpu::lane()].value, &value, sizeof value);
    warp.meet.arrive_and_wait();
    std::memcpy(&value, &warp.lanes[cpu::lane() ^ static_cast<unsigned>(step)].value, sizeof value);
    warp.meet.arrive_and_wait();
    return value;
}

template <class T>
T atomicAdd(T* at, T value) {
    return std::atomic_ref<T>(*at).fetch_add(value);
}

inline float rsqrtf(float x) { return 1.0F / std::sqrt(x); }
inline float __expf(float x) { return std::exp(x); }
inline std::int64_t min(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

namespace moesim::microbench {

using bf16 = std::uint16_t;
using e4m3 = std::uint8_t;

inline float to_float(bf16 value) { return bf16_value(value); }
inline bf16 to_bf16(float value) { return bf16_bits(value); }
inline float e4m3_to_float(e4m3 value) { return e4m3_value(value); }
inline e4m3 to_e4m3(float value) { return e4m3_bits(value); }

inline float half_of(std::uint32_t both, int which) {
    return bf16_value(static_cast<std::uint16_t>(which == 0 ? both : both >> 16));
}

/// Source of the fragments: PTX ISA, "Matrix fragments for mma.m16n8k16", .bf16. With g = lane / 4
/// and t = lane % 4: register i of A holds row g + 8 (i % 2), columns 2 t + 8 (i / 2) and the next;
/// of B rows 2 t + 8 i and the next, column g; of D row g + 8 (i / 2), column 2 t + i % 2.
inline void mma(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
    cpu::Warp& warp = cpu::warp();
    const unsigned lane = cpu::lane();
    std::memcpy(warp.lanes[lane].a, a, sizeof a);
    std::memcpy(warp.lanes[lane].b, b, sizeof b);
    warp.meet.arrive_and_wait();
    for (unsigned i = 0; i < 4; ++i) {
        const unsigned row = lane / 4 + 8 * (i / 2), column = 2 * (lane % 4) + i % 2;
        for (unsigned k = 0; k < 16; ++k) {
            const auto& left = warp.lanes[row % 8 * 4 + k % 8 / 2].a[row / 8 + 2 * (k / 8)];
            const auto& right = warp.lanes[column * 4 + k % 8 / 2].b[k / 8];
            d[i] +=
                half_of(left, static_cast<int>(k % 2)) * half_of(right, static_cast<int>(k % 2));
        }
    }
    warp.meet.arrive_and_wait();
}

/// Source: PTX ISA, ldmatrix with .trans: register i of a lane holds rows 2 t and 2 t + 1 of tile
/// i, column g; lane 8 i + r points at row r of tile i.
inline void load_transposed(std::uint32_t (&r)[2], const bf16* row) {
    cpu::Warp& warp = cpu::warp();
    const unsigned lane = cpu::lane();
    warp.lanes[lane].row = row;
    warp.meet.arrive_and_wait();
    for (unsigned i = 0; i < 2; ++i) {
        const std::uint16_t low = warp.lanes[8 * i + lane % 4 * 2].row[lane / 4];
        const std::uint16_t high = warp.lanes[8 * i + lane % 4 * 2 + 1].row[lane / 4];
        r[i] = low | static_cast<std::uint32_t>(high) << 16;
    }
    warp.meet.arrive_and_wait();
}

}  // namespace moesim::microbench
