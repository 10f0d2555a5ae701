#include "analysis/microbench/case.hpp"

#include <cstdio>

namespace moesim::microbench {
namespace {

double element_bytes(const std::string& dtype) { return dtype == "bf16" ? 2.0 : 1.0; }

bool is_gemm(const Case& what) { return what.op == "gemm" || what.op == "grouped_gemm"; }

}  // namespace

double flop(const Case& what) {
    if (is_gemm(what))
        return 2.0 * static_cast<double>(what.m) * static_cast<double>(what.out) *
               static_cast<double>(what.in) * what.groups;
    if (what.op != "attention") return 0;
    const double s = what.sequence;
    const double forward = 2.0 * what.batch * what.heads * s * s * (what.qk_dim + what.v_dim);
    return forward * (what.causal ? 0.5 : 1.0) * (what.pass == "forward" ? 1.0 : 2.5);
}

double bytes(const Case& what) {
    const double m = static_cast<double>(what.m), out = static_cast<double>(what.out),
                 in = static_cast<double>(what.in);
    if (is_gemm(what)) {
        const double one = element_bytes(what.dtype);
        if (what.pass == "weight_gradient")  // FP32 result, read and written
            return what.groups * (one * m * (in + out) + 8.0 * in * out);
        const double depth = what.pass == "forward" ? in : out;
        const double columns = what.pass == "forward" ? out : in;
        return what.groups * (one * (m * depth + in * out) + 2.0 * m * columns);
    }
    if (what.op == "attention") {
        const double q = static_cast<double>(what.batch) * what.sequence * what.heads;
        const double k = static_cast<double>(what.batch) * what.sequence * what.kv_heads;
        const double forward = 2.0 * (q + k) * (what.qk_dim + what.v_dim);
        return what.pass == "forward" ? forward : 2.5 * forward;
    }
    return static_cast<double>(what.bytes);
}

bool matches(const Case& what, const std::string& word) {
    return word == what.op || word == what.kernel || (word == "contention" && what.sms_held > 0);
}

std::string describe(const Case& what) {
    char text[160];
    const auto n = [](std::int64_t v) { return static_cast<long long>(v); };
    if (is_gemm(what))
        std::snprintf(text, sizeof text, " %s %s %lld x %lld x %lld", what.dtype.c_str(),
                      what.pass.c_str(), n(what.m), n(what.out), n(what.in));
    else if (what.op == "attention")
        std::snprintf(text, sizeof text, " %s %d of %d heads %d+%d, %d tokens", what.pass.c_str(),
                      what.kv_heads, what.heads, what.qk_dim, what.v_dim, what.sequence);
    else if (what.op == "memory")
        std::snprintf(text, sizeof text, " %s %.3g MB", what.kernel.c_str(), bytes(what) / 1e6);
    else
        std::snprintf(text, sizeof text, " %s", what.kernel.c_str());
    std::string line = what.op + text;
    if (what.op == "grouped_gemm") {
        std::snprintf(text, sizeof text, ", %d groups, fullest %g x mean", what.groups, what.skew);
        line += text;
    }
    if (what.sms_held > 0) line += ", a copy holds " + std::to_string(what.sms_held) + " SMs";
    return line;
}

}  // namespace moesim::microbench
