#include "scenarios/recipe.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "topologies/kernel.hpp"

namespace {

using namespace moesim;
using scenarios::Expression;
using scenarios::MemoryOp;
using scenarios::Recipe;
using scenarios::Symbols;
using topologies::Cost;
using topologies::Gemm;
using topologies::Pass;
using topologies::Profile;

/// One MoE layer of DeepSeek-V3 on a rank of 64: 4 experts, one sequence of 4096.
/// Mean rows per layer in the trace: forward 32,512 (of 30,278 distinct tokens), backward 32,128
/// (29,836). Source: deepseek-ai/profile-data, train.json, grids of the SwiGLU and reduce kernels.
Symbols deepseek(bool backward) {
    Symbols s;
    s.T = 4096, s.h = 7168, s.a = s.g = 128, s.x = 192, s.v = 128, s.q = 1536, s.c = 512, s.r = 64;
    s.f = s.s = 2048, s.d = 18432, s.E = 256, s.k = 8, s.V = 129280, s.e = 4;
    s.A = backward ? 32128 : 32512;
    s.U = backward ? 29836 : 30278;
    return s;
}

topologies::Device hopper() {
    topologies::Device device;
    device.name = "h800-sxm";
    device.peak = {{"bf16", FlopPerSecond{989e12}}, {"fp8", FlopPerSecond{1979e12}}};
    device.memory_bandwidth = BytesPerSecond{3.35e12};
    device.sms = 132;
    return device;
}

Gemm dense(Pass pass, double out, double in, const char* format = "fp8_block") {
    return {pass, format, 4096, out, in, 1};
}
Gemm routed(Pass pass, double out, double in, const Symbols& s) {
    return {pass, "fp8_block", s.A / 4, out, in, 4};
}

/// Everything that one segment of the trace runs.
struct Segment {
    const char* name;
    const char* ops;  // segment of the recipe
    bool backward;
    double trace_us;
    int trace_launches;
    std::vector<Gemm> gemms;
    bool attention;
    int attention_launches;
};

std::vector<Segment> segments() {
    const auto f = Pass::forward, i = Pass::input_gradient, w = Pass::weight_gradient;
    const Symbols bs = deepseek(true), fs = deepseek(false);
    const Gemm q_b = dense(f, 24576, 1536), kv_b = dense(f, 32768, 512);
    // Kernel sums per layer, mean of the four layers of the trace; the weight gradients of the
    // routed experts run on two streams at once and count by their wall time (mlp(W): 1276 +
    // 2657.75 us).
    return {{"attn(F)",
             "attention.forward",
             false,
             4369.75,
             69,
             {dense(f, 1536, 7168), dense(f, 576, 7168), q_b, kv_b, dense(f, 7168, 16384),
              dense(f, 256, 7168, "bf16")},
             true,
             1},
            {"mlp(B)",
             "moe.input_gradient",
             true,
             5306.0,
             29,
             {dense(i, 7168, 2048), dense(i, 4096, 7168), routed(i, 7168, 2048, bs),
              routed(i, 4096, 7168, bs)},
             false,
             0},
            {"mlp(W)",
             "moe.weight_gradient",
             true,
             5062.75,
             12,
             {dense(w, 7168, 2048), dense(w, 4096, 7168), routed(w, 7168, 2048, bs),
              routed(w, 4096, 7168, bs)},
             false,
             0},
            {"mlp(F)",
             "moe.forward",
             false,
             4603.75,
             20,
             {dense(f, 7168, 2048), dense(f, 4096, 7168), routed(f, 7168, 2048, fs),
              routed(f, 4096, 7168, fs)},
             false,
             0},
            // Up-projections computed again; both gradients of the router fall into this segment.
            {"attn(B)",
             "attention.input_gradient",
             true,
             9340.75,
             101,
             {q_b, kv_b, dense(i, 1536, 7168), dense(i, 576, 7168), dense(i, 24576, 1536),
              dense(i, 32768, 512), dense(i, 7168, 16384), dense(i, 256, 7168, "bf16"),
              dense(w, 256, 7168, "bf16")},
             true,
             3},
            {"attn(W)",
             "attention.weight_gradient",
             true,
             2388.5,
             5,
             {dense(w, 1536, 7168), dense(w, 576, 7168), dense(w, 24576, 1536),
              dense(w, 32768, 512), dense(w, 7168, 16384)},
             false,
             0}};
}

bool runs(const MemoryOp& op, const Segment& segment) {
    static const std::set<std::string> has{"", "mixer", "ffn", "mla", "moe", "shared"};
    static const std::set<std::string> recomputed{"", "layernorm", "mla_up_proj"};
    return op.segment == segment.ops && has.contains(op.needs) && recomputed.contains(op.recompute);
}

double segment_us(const Segment& segment, const Recipe& recipe, const Profile& profile,
                  bool contended, bool skip_memory = false) {
    double sum = 0;
    for (const Gemm& gemm : segment.gemms) sum += profile.gemm(gemm, contended).seconds;
    if (segment.attention) {
        topologies::AttentionCore core{segment.backward ? Pass::input_gradient : Pass::forward,
                                       "bf16",
                                       1,
                                       128,
                                       128,
                                       4096,
                                       192,
                                       128,
                                       true};
        sum += profile.attention(core, contended).seconds;
    }
    const Symbols symbols = deepseek(segment.backward);
    if (!skip_memory)
        for (const MemoryOp& op : recipe.memory)
            if (runs(op, segment))
                sum +=
                    profile
                        .memory({op.name, op.elements(symbols) * op.bytes_per_element, op.launches},
                                contended)
                        .seconds;
    return sum * 1e6;
}

TEST_CASE("recipe: an expression is a sum of products") {
    Symbols s;
    s.T = 10, s.h = 7, s.A = 3, s.f = 256;
    CHECK(Expression::parse("T*h")(s) == Approx(70));
    CHECK(Expression::parse("A*h + 2*T")(s) == Approx(41));      // 21 + 20
    CHECK(Expression::parse("2*T*f/128 - A")(s) == Approx(37));  // 40 - 3
    CHECK(Expression::parse("A*h").uses('A'));
    CHECK_FALSE(Expression::parse("T*h").uses('A'));
}

TEST_CASE("recipe: an expression that is no sum of products is refused") {
    for (const char* text :
         {"", "T*", "T h", "T+", "Z", "T/0", "T/h", "inf", "1e3", "T**h", "0x10"})
        CHECK_THROWS_AS(Expression::parse(text), std::invalid_argument);
    CHECK_THROWS_WITH(Expression::parse("T*y"), Catch::Contains("'y'"));
}

TEST_CASE("recipe: fp8 launches as many kernels in each segment as the DeepSeek-V3 trace") {
    const Recipe recipe = scenarios::load_recipe("fp8");
    for (const Segment& segment : segments()) {
        INFO(segment.name);
        int launches = segment.attention_launches;
        for (const Gemm& gemm : segment.gemms)
            // Routed weight gradients are one kernel for each expert, the rest is grouped.
            launches += gemm.pass == Pass::weight_gradient ? static_cast<int>(gemm.groups) : 1;
        for (const MemoryOp& op : recipe.memory)
            if (runs(op, segment)) launches += op.launches;
        CHECK(launches == segment.trace_launches);
    }
}

TEST_CASE("recipe: fp8 on the trace's profile gives the kernel time of each segment within 3 %") {
    const Recipe recipe = scenarios::load_recipe("fp8");
    const Profile profile = Profile::load("h800-trace", hopper());
    for (const Segment& segment : segments()) {
        INFO(segment.name);
        CHECK(segment_us(segment, recipe, profile, true) == Approx(segment.trace_us).epsilon(0.03));
    }
}

// Out of sample: h800 knows no trace, only public tables and named assumptions. Only the sum is
// held; segments (shown by -s) are off by up to a third, most in the weight gradients, whose 0.9 of
// the forward rate is assumed and turns out near 0.65.
TEST_CASE("recipe: fp8 on public tables alone is within 25 % of the traced layer") {
    const Recipe recipe = scenarios::load_recipe("fp8");
    const Profile tables = Profile::load("h800", hopper());
    const Profile trace = Profile::load("h800-trace", hopper());
    double sum = 0, traced = 0;
    for (const Segment& segment : segments()) {
        const double us = segment_us(segment, recipe, tables, true);
        const double products = segment_us(segment, recipe, tables, true, true);
        const double traced_products = segment_us(segment, recipe, trace, true, true);
        UNSCOPED_INFO(fmt::format(
            "{}: tables {:.0f} us, trace {:.0f} us ({:+.1f} %); products {:+.1f} %, memory-bound "
            "{:+.1f} %",
            segment.name, us, segment.trace_us, 100 * (us / segment.trace_us - 1),
            100 * (products / traced_products - 1),
            100 * ((us - products) / std::max(1.0, segment.trace_us - traced_products) - 1)));
        sum += us;
        traced += segment.trace_us;
    }
    CHECK(sum == Approx(traced).epsilon(0.25));
}

TEST_CASE("recipe: recomputation adds kernels only where it is asked for") {
    const Recipe recipe = scenarios::load_recipe("fp8");
    const auto of = [&](const std::string& what) {
        return std::count_if(recipe.memory.begin(), recipe.memory.end(),
                             [&](const MemoryOp& op) { return op.recompute == what; });
    };
    // layernorm: q and kv norm with the strided copy between them, the attention norm, the FFN norm
    // and its cast (twice: MoE and dense); mla_up_proj: 2 casts, 2 scale transposes, 2 ropes, 2
    // copies.
    CHECK(of("layernorm") == 8);
    CHECK(of("mla_up_proj") == 8);
}

TEST_CASE("recipe: dispatch travels in FP8 with scales, combine in BF16") {
    const Recipe fp8 = scenarios::load_recipe("fp8");
    // 7168 + 4 x 7168 / 128 = 7392 bytes; 2 x 7168 = 14336.
    CHECK(7168 * (fp8.dispatch.bytes + fp8.dispatch.scale_bytes) == Approx(7392));
    CHECK(7168 * (fp8.combine.bytes + fp8.combine.scale_bytes) == Approx(14336));
    const Recipe bf16 = scenarios::load_recipe("bf16");
    CHECK(bf16.dispatch.bytes == 2);
    CHECK(bf16.gemm.at("routed") == "bf16");
}

TEST_CASE("recipe: bf16 casts nothing and serves grouped-query attention") {
    const Recipe recipe = scenarios::load_recipe("bf16");
    bool rope = false;
    for (const MemoryOp& op : recipe.memory) {
        CHECK(op.name.find("cast") == std::string::npos);
        rope = rope || (op.needs == "gqa" && op.name == "rope");
    }
    CHECK(rope);
}

}  // namespace
