#include "topologies/kernel_forms.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace moesim::topologies {
namespace {

constexpr double kTile = 128;

/// Output tiles that libraries choose from: rows, columns.
constexpr std::array<std::array<double, 2>, 8> kTiles{
    {{128, 128}, {128, 256}, {256, 128}, {64, 128}, {128, 64}, {64, 64}, {64, 256}, {256, 64}}};
constexpr double kMostSplits = 8;
constexpr double kLeastSplitDepth = 256;

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

namespace {

/// max(a, b), rounded where both are alike: (a^4 + b^4)^(1/4).
double rounded_max(double a, double b) {
    const double a2 = a * a, b2 = b * b;
    return std::sqrt(std::sqrt(a2 * a2 + b2 * b2));
}

double best_tile_seconds(const Product& p, double groups, double bytes, double rate,
                         const GemmForm& form, const Hardware& on) {
    const double stream = form.stream_share * on.bandwidth;
    const double largest = 1 + form.tile_cost * (1.0 / 128 + 1.0 / 256);
    double best = std::numeric_limits<double>::infinity();
    for (const auto& [rows, columns] : kTiles) {
        const double tiles = groups * std::ceil(p.rows / rows) * std::ceil(p.columns / columns);
        const double edge = (1 + form.tile_cost * (1 / rows + 1 / columns)) / largest;
        for (double splits = 1; splits <= kMostSplits; splits *= 2) {
            if (splits > 1 && (tiles * splits > 2 * on.sms || p.depth / splits < kLeastSplitDepth))
                break;
            const double waves = tiles * splits / on.sms, least = std::max(1.0, waves);
            const double whole = least + form.quantisation * (std::ceil(waves) - least);
            const double compute = whole * 2 * rows * columns *
                                   (p.depth / splits + form.extra_depth) * edge * on.sms / rate;
            const double partial = splits > 1 ? 8 * splits * groups * p.rows * p.columns : 0;
            best = std::min(best, rounded_max(compute, (bytes + partial) / stream));
        }
    }
    return best;
}

}  // namespace

double gemm_seconds(const Gemm& q, const GemmForm& form, const Hardware& on) {
    const Product p = product(q);
    if (!(p.rows * p.columns * p.depth * q.groups > 0)) return 0;
    const double rate = on.peak_of(q.format) * form.share *
                        (q.pass == Pass::weight_gradient ? form.weight_gradient_rate : 1);
    const double result = q.pass == Pass::weight_gradient ? 8 : 2;
    const double bytes = q.groups * ((p.rows + p.columns) * p.depth * bytes_per_element(q.format) +
                                     p.rows * p.columns * result);
    if (form.any_tile) return best_tile_seconds(p, q.groups, bytes, rate, form, on) + form.floor_s;
    const double tiles = q.groups * std::ceil(p.rows / kTile) * std::ceil(p.columns / kTile);
    const double waves = std::max(1.0, tiles / on.sms);
    const double compute = waves * 2 * kTile * kTile * (p.depth + form.extra_depth) * on.sms / rate;
    return std::max(compute, bytes / (form.stream_share * on.bandwidth)) + form.floor_s;
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
