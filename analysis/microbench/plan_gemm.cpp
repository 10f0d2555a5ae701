#include <array>
#include <string>

#include "analysis/microbench/plan_parts.hpp"
#include "analysis/microbench/training_shapes.hpp"

namespace moesim::microbench {
namespace {

constexpr std::array<const char*, 3> kPasses{"forward", "input_gradient", "weight_gradient"};
constexpr double kLargest = 1e13;  // FLOP; beyond, nothing new is learnt for the time it takes

Case gemm(const char* pass, const char* dtype, std::int64_t m, const Linear& layer) {
    Case one;
    one.op = "gemm";
    one.pass = pass;
    one.dtype = dtype;
    one.m = m;
    one.out = layer.out;
    one.in = layer.in;
    one.groups = 1;
    return one;
}

/// The 8-bit formats that a device has, with the rows at which each is measured.
struct Format {
    const char* name;
    std::vector<std::int64_t> rows;
};
std::vector<Format> formats(int capability) {
    std::vector<Format> out{{"bf16", {512, 2048, 4096, 8192, 32768}}};
    if (capability >= 89) out.push_back({"fp8", {512, 2048, 8192, 32768}});
    if (capability == 90) out.push_back({"fp8_block", {1024, 4096, 16384}});
    if (capability >= 100) out.push_back({"mxfp8", {512, 2048, 8192, 32768}});
    return out;
}

}  // namespace

void plan_gemm(std::vector<Case>& out, int capability) {
    for (const Format& format : formats(capability))
        for (const Linear& layer : dense_layers())
            for (const std::int64_t m : format.rows)
                for (const char* pass : kPasses) {
                    const Case one = gemm(pass, format.name, m, layer);
                    if (flop(one) <= kLargest) out.push_back(one);
                }
    // The router and the head, where columns are few or many.
    for (const Linear& layer : {Linear{256, 7168}, Linear{128, 4096}, Linear{16160, 7168}})
        for (const char* pass : kPasses) out.push_back(gemm(pass, "bf16", 4096, layer));
}

void plan_grouped_gemm(std::vector<Case>& out, int capability) {
    struct Load {
        std::int64_t mean;
        int groups;
        double skew;
        bool every_pass;
    };
    // Rows per expert and experts here, equal; then ever more uneven.
    constexpr std::array<Load, 10> kLoads{{{128, 8, 1, false},
                                           {512, 4, 1, true},
                                           {512, 16, 1, false},
                                           {1024, 8, 1, false},
                                           {2048, 8, 1, true},
                                           {8192, 2, 1, true},
                                           {512, 16, 2, false},
                                           {512, 16, 4, false},
                                           {2048, 8, 1.5, false},
                                           {2048, 8, 3, false}}};
    for (const char* format : {"bf16", "fp8"}) {
        if (capability < 89 && format != std::string{"bf16"}) continue;
        for (const Linear& layer : expert_layers())
            for (const Load& load : kLoads)
                for (const char* pass : kPasses) {
                    if (!load.every_pass && pass != std::string{"forward"}) continue;
                    Case one = gemm(pass, format, load.mean, layer);
                    one.op = "grouped_gemm";
                    one.groups = load.groups;
                    one.skew = load.skew;
                    if (flop(one) <= kLargest) out.push_back(one);
                }
    }
}

void plan_contention(std::vector<Case>& out) {
    for (const Linear& layer : {Linear{4096, 7168}, Linear{7168, 2048}, Linear{7168, 16384}})
        for (const char* pass : kPasses)
            for (const int sms : {4, 8, 16, 20, 32, 48}) {
                Case one = gemm(pass, "bf16", 4096, layer);
                one.kernel = "beside_copy";
                one.sms_held = sms;
                out.push_back(one);
            }
}

}  // namespace moesim::microbench
