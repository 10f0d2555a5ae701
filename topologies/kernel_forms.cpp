#include "topologies/kernel_forms.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::topologies {
namespace {

constexpr double kTile = 128;
constexpr double kStreamShare =
    0.85;  // of the memory bandwidth that a GEMM's loads and stores reach

double bytes_per_element(const std::string& format) {
    if (format.find("fp4") != std::string::npos) return 0.5;
    return format.find("fp8") != std::string::npos ? 1 : 2;
}

}  // namespace

double Hardware::peak_of(const std::string& format) const {
    for (const char* units : {"fp8", "fp4"})
        if (format.find(units) != std::string::npos)
            if (const auto found = peak.find(units); found != peak.end()) return found->second;
    if (const auto found = peak.find(format); found != peak.end()) return found->second;
    return peak.at("bf16");
}

Hardware hardware_of(const Device& device) {
    Hardware out;
    out.sms = std::max(1, device.sms);
    out.bandwidth = device.memory_bandwidth.si();
    for (const auto& [format, rate] : device.peak) out.peak[format] = rate.si();
    return out;
}

Product product(const Gemm& q) {
    switch (q.pass) {
        case Pass::forward:
            return {q.m, q.out, q.in};
        case Pass::input_gradient:
            return {q.m, q.in, q.out};
        case Pass::weight_gradient:
            return {q.in, q.out, q.m};
    }
    return {q.m, q.out, q.in};
}

double gemm_seconds(const Gemm& q, const GemmForm& form, const Hardware& on) {
    const auto [rows, columns, depth] = product(q);
    if (!(rows * columns * depth * q.groups > 0)) return 0;
    const double tiles = q.groups * std::ceil(rows / kTile) * std::ceil(columns / kTile);
    const double waves = std::max(1.0, tiles / on.sms);
    const double rate = on.peak_of(q.format) * form.share *
                        (q.pass == Pass::weight_gradient ? form.weight_gradient_rate : 1);
    const double compute = waves * 2 * kTile * kTile * (depth + form.extra_depth) * on.sms / rate;
    const double result = q.pass == Pass::weight_gradient ? 8 : 2;
    const double bytes = q.groups * ((rows + columns) * depth * bytes_per_element(q.format) +
                                     rows * columns * result);
    return std::max(compute, bytes / (kStreamShare * on.bandwidth)) + form.floor_s;
}

double attention_seconds(const AttentionCore& q, const AttentionForm& form, const Hardware& on) {
    double flop = 2 * q.batch * q.heads * q.sequence * q.sequence * (q.qk_dim + q.v_dim);
    if (!(flop > 0)) return 0;
    if (q.causal) flop /= 2;
    if (q.pass != Pass::forward) flop *= 2.5 / form.backward_rate;
    const double blocks = q.batch * q.heads * std::ceil(q.sequence / kTile);
    const double idle = std::max(1.0, on.sms / blocks);  // SMs without a block of their own
    return flop * idle * (1 + form.extra_sequence / q.sequence) /
               (form.share * on.peak_of(q.format)) +
           form.floor_s;
}

double memory_seconds(const Memory& q, const MemoryForm& form, const Hardware& on) {
    if (!(q.bytes > 0)) return 0;
    return q.bytes / (form.share * on.bandwidth) + std::max(1, q.launches) * form.floor_s;
}

}  // namespace moesim::topologies
