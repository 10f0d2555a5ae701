#include <array>

#include "analysis/microbench/plan_parts.hpp"
#include "analysis/microbench/training_shapes.hpp"

namespace moesim::microbench {
namespace {

/// A memory-bound kernel: bytes per element as the recipes count them, read plus written.
///   cast: BF16 in, FP8 and one FP32 scale for 128 elements out, 3 + 4/128
///   adam: gradient, master and two moments in, master, moments (all FP32) and BF16 weight out, 30
struct Kernel {
    const char* name;
    int bytes, scale_bytes;  // per element; per 128 elements
    int launches;
};
constexpr std::array<Kernel, 12> kKernels{{{"rmsnorm", 4, 0, 1},
                                           {"rmsnorm_backward", 6, 0, 2},
                                           {"swiglu", 6, 0, 1},
                                           {"swiglu_backward", 10, 0, 1},
                                           {"rope", 4, 0, 1},
                                           {"add", 6, 0, 1},
                                           {"cast", 3, 4, 1},
                                           {"cast_back", 3, 4, 1},
                                           {"cast_transpose", 3, 4, 1},
                                           {"weight_transpose", 2, 0, 1},
                                           {"copy", 4, 0, 1},
                                           {"adam", 30, 0, 1}}};

Case memory(const char* name, std::int64_t m, std::int64_t width, std::int64_t bytes,
            int launches) {
    Case one;
    one.op = "memory";
    one.kernel = name;
    one.dtype = "bf16";
    one.m = m;
    one.out = width;
    one.bytes = bytes;
    one.launches = launches;
    return one;
}

}  // namespace

void plan_launch(std::vector<Case>& out) {
    for (const char* name : {"launch_gap", "host_issue", "graph_launch"}) {
        Case one;
        one.op = "launch";
        one.kernel = name;
        one.launches = 1000;
        out.push_back(one);
    }
}

void plan_memory(std::vector<Case>& out) {
    for (const Kernel& k : kKernels)
        for (const std::int64_t width : {2048, 7168})
            for (const std::int64_t m : {256, 1024, 4096, 16384, 65536}) {
                const std::int64_t n = m * width;
                out.push_back(
                    memory(k.name, m, width, n * k.bytes + n / 128 * k.scale_bytes, k.launches));
            }
    // Tokens go to `groups` rows each (and come back summed).
    for (const char* name : {"permute", "unpermute"})
        for (const std::int64_t width : {2048, 7168})
            for (const std::int64_t m : {1024, 4096, 16384})
                for (const int copies : {1, 2, 8}) {
                    Case one = memory(name, m, width, 2 * width * m * (1 + copies), 1);
                    one.groups = copies;
                    out.push_back(one);
                }
    // Tokens choose 8 of `groups` experts; FP32 scores in. The map counts and places U x 8 choices.
    for (const int experts : {64, 128, 256})
        for (const std::int64_t m : {1024, 4096, 16384}) {
            Case top = memory("router_topk", m, experts, m * experts * 4, 1);
            top.groups = experts;
            out.push_back(top);
            Case map = memory("expert_map", m, 8, m * 8 * 8, 3);
            map.groups = experts;
            out.push_back(map);
        }
}

void plan_attention(std::vector<Case>& out) {
    for (const Heads& h : attention_cores())
        for (const int sequence : {2048, 4096, 8192, 16384})
            for (const char* pass : {"forward", "input_gradient"}) {
                Case one;
                one.op = "attention";
                one.pass = pass;
                one.dtype = "bf16";
                one.batch = 1;
                one.heads = h.heads;
                one.kv_heads = h.kv_heads;
                one.sequence = sequence;
                one.qk_dim = h.qk_dim;
                one.v_dim = h.v_dim;
                one.causal = true;
                if (flop(one) <= 1.2e13) out.push_back(one);
            }
}

}  // namespace moesim::microbench
