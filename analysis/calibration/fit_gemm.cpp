#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/calibration/calibration.hpp"
#include "analysis/calibration/gemm_parameters.hpp"

namespace moesim::analysis {
namespace {

using topologies::Gemm;

constexpr std::size_t kSample = 1200;  // measurements that the parameters are fitted to
constexpr double kMostOff = 0.6;       // in ln(time): what one outlier can weigh

/// Where no weight gradient was measured it is assumed: the forward's rate less what adding to FP32
/// in memory, and scales along the other dimension, cost.
double assumed_weight_gradient_rate(const std::string& format) {
    return format == "bf16" || format == "fp8" ? 0.95 : 0.90;
}

struct Row {
    Gemm query;
    double seconds;
    bool casts, held;
};

std::vector<Row> rows_of(const std::vector<Measurement>& all, const std::string& format) {
    std::vector<Row> out;
    for (const Measurement& m : all)
        if (const Gemm* q = std::get_if<Gemm>(&m.what);
            q && q->format == format && q->groups == 1 && !m.contended &&
            q->pass != topologies::Pass::weight_gradient)
            out.push_back({*q, m.seconds, m.casts, held_out(std::array{q->m, q->out, q->in})});
    return out;
}

/// The cast of the input that is timed with a narrow product: a kernel's floor and its elements.
struct Cast {
    double floor_s = 0, per_element_s = 0;
    [[nodiscard]] double seconds(const Row& row) const {
        return row.casts ? floor_s + per_element_s * row.query.m * row.query.in : 0;
    }
};

Prediction predicted(const Row& row, const topologies::GemmForm& form, const Cast& cast,
                     const topologies::Hardware& on) {
    Prediction out;
    out.fixed_s = cast.seconds(row);
    out.terms[0] = {topologies::gemm_seconds(row.query, form, on),
                    topologies::dense_sizes(row.query)};
    return out;
}

/// The rate of weight gradients over the forward's: the median over what was measured of them.
void fit_weight_gradient(const std::string& format, const std::vector<Measurement>& all,
                         topologies::GemmForm& form, const topologies::Hardware& on) {
    topologies::GemmForm plain = form;
    plain.weight_gradient_rate = 1;
    std::vector<double> rates;
    for (const Measurement& m : all)
        if (const Gemm* q = std::get_if<Gemm>(&m.what);
            q && q->format == format && q->groups == 1 && !m.contended && !m.casts &&
            q->pass == topologies::Pass::weight_gradient)
            rates.push_back(topologies::gemm_seconds(*q, plain, on) *
                            std::exp(form.residual.at(topologies::dense_sizes(*q))) / m.seconds);
    if (rates.size() < 3) return;
    std::sort(rates.begin(), rates.end());
    const auto at = [&](double share) {
        return rates[static_cast<std::size_t>(share * static_cast<double>(rates.size() - 1))];
    };
    form.weight_gradient_rate = std::clamp(at(0.5), 0.05, 2.0);
    form.weight_gradient_error = std::clamp((at(0.84) - at(0.16)) / (2 * at(0.5)), 0.02, 1.0);
    form.weight_gradient_measured = true;
}

void fit_format(const std::string& format, const std::vector<Row>& rows,
                const std::vector<Measurement>& all, Calibration& out) {
    std::vector<Row> sample;
    const std::size_t stride = std::max<std::size_t>(1, rows.size() / kSample);
    for (std::size_t i = 0; i < rows.size(); i += stride)
        if (!rows[i].held) sample.push_back(rows[i]);
    const bool casts = std::any_of(rows.begin(), rows.end(), [](const Row& r) { return r.casts; });
    const auto bf16 = out.gemm.find("bf16");
    const double floor = casts && bf16 != out.gemm.end() ? bf16->second.floor_s : 0;
    const auto read = [&](const std::vector<double>& x) {
        topologies::GemmForm form = gemm_form(x);
        Cast cast;
        if (casts) {
            cast.per_element_s = std::exp(x[6]) * 4 / out.on.bandwidth;
            cast.floor_s = std::max(0.0, form.floor_s - floor);
            if (floor > 0) form.floor_s = std::min(form.floor_s, floor);
        }
        return std::pair{form, cast};
    };
    const auto cost = [&](const std::vector<double>& x) {
        const auto [form, cast] = read(x);
        double sum = 0;
        for (const Row& row : sample)
            sum += std::min(
                kMostOff,
                std::abs(std::log(row.seconds / predicted(row, form, cast, out.on).seconds({}))));
        return sum / static_cast<double>(sample.size());
    };
    std::vector<double> start = gemm_start();
    if (casts) start.push_back(0);
    auto [form, cast] = read(minimise(cost, start, 150, 2));
    form.weight_gradient_rate = assumed_weight_gradient_rate(format);
    form.weight_gradient_error = 0.12;

    std::vector<Prediction> seen;
    std::vector<double> seen_s;
    std::array<std::set<double>, 3> sizes;
    for (const Row& row : rows) {
        const Prediction p = predicted(row, form, cast, out.on);
        for (std::size_t d = 0; d < 3; ++d) sizes[d].insert(p.terms[0].sizes[d]);
        if (row.held) continue;
        seen.push_back(p);
        seen_s.push_back(row.seconds);
    }
    form.residual = fit_residuals({covered({64, 256, 1024, 2048, 4096, 8192, 16384, 32768},
                                           *sizes[0].begin(), *sizes[0].rbegin()),
                                   covered({64, 256, 768, 2048, 4096, 7168, 16384, 65536},
                                           *sizes[1].begin(), *sizes[1].rbegin()),
                                   covered({64, 256, 768, 2048, 4096, 7168, 16384, 65536},
                                           *sizes[2].begin(), *sizes[2].rbegin())},
                                  seen, seen_s);
    std::vector<double> held_p, held_s;
    for (const Row& row : rows)
        if (row.held) {
            held_p.push_back(predicted(row, form, cast, out.on).seconds(form.residual));
            held_s.push_back(row.seconds);
        }
    const Quality q = quality(held_p, held_s);
    form.error = std::max(0.02, q.sigma);
    out.quality["gemm." + format] = q;
    if (casts) out.cast_s_per_element[format] = cast.per_element_s;
    fit_weight_gradient(format, all, form, out.on);
    out.gemm[format] = form;
}

}  // namespace

topologies::GemmForm gemm_form(const std::vector<double>& x) {
    topologies::GemmForm form;
    form.any_tile = true;
    form.share = bounded(x[0], 0.2, 1);
    form.extra_depth = std::exp(std::clamp(x[1], -3.0, 6.4));
    form.floor_s = std::exp(std::clamp(x[2], -3.0, 5.0)) * 1e-6;
    form.quantisation = bounded(x[3], 0, 1);
    form.tile_cost = bounded(x[4], 0, 300);
    form.stream_share = bounded(x[5], 0.3, 1);
    return form;
}

std::vector<double> gemm_start() { return {1, 4.6, 1.1, -1, -2, 1}; }

double bounded(double x, double least, double most) {
    return least + (most - least) / (1 + std::exp(-x));
}

void fit_gemm(const std::vector<Measurement>& all, Calibration& out) {
    for (const char* format : {"bf16", "fp8", "fp8_block", "mxfp8", "nvfp4"}) {
        const std::vector<Row> rows = rows_of(all, format);
        if (rows.size() >= 20) fit_format(format, rows, all, out);
    }
}

}  // namespace moesim::analysis
