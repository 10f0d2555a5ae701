#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/calibration/calibration.hpp"
#include "analysis/calibration/gemm_parameters.hpp"

namespace moesim::analysis {
namespace {

using topologies::Gemm;

struct Row {
    ExpertBlock block;
    double seconds;
    bool held;
};

/// What stands around the two products: memory traffic, and launches of small kernels.
///
/// Permute reads and writes every row and finalize reads it: three times its BF16 elements, more
/// where it is cast. The activation reads two halves and writes one. How fast that is differs by
/// library, so the bytes' time is fitted: seconds per element of [rows, hidden] and [rows, width].
struct Around {
    double per_hidden_s = 0, per_width_s = 0, per_output_s = 0;
    double floor_s = 0;

    [[nodiscard]] double seconds(const ExpertBlock& b) const {
        return b.rows * (b.hidden * per_hidden_s + b.width * per_width_s) +
               b.tokens * b.hidden * per_output_s + floor_s;
    }
};

Gemm up(const ExpertBlock& b) {
    return {topologies::Pass::forward,   b.format, b.rows / b.experts,
            b.width * (b.gated ? 2 : 1), b.hidden, b.experts};
}

Gemm down(const ExpertBlock& b) {
    return {topologies::Pass::forward, b.format, b.rows / b.experts, b.hidden, b.width, b.experts};
}

Prediction predicted(const ExpertBlock& block, const topologies::GemmForm& form,
                     const Around& around, const topologies::Hardware& on) {
    Prediction out;
    out.fixed_s = around.seconds(block);
    const Gemm first = up(block), second = down(block);
    out.terms[0] = {topologies::gemm_seconds(first, form, on), topologies::grouped_sizes(first)};
    out.terms[1] = {topologies::gemm_seconds(second, form, on), topologies::grouped_sizes(second)};
    return out;
}

void fit_format(const std::string& format, const std::vector<Row>& rows, Calibration& out) {
    const auto dense = out.gemm.find(format);
    const auto read = [&](const std::vector<double>& x) {
        topologies::GemmForm form = gemm_form(x);
        // The tiles are those of dense products: what they cost would not be told apart from the
        // traffic.
        if (dense != out.gemm.end()) {
            form.share = dense->second.share;
            form.extra_depth = dense->second.extra_depth;
            form.tile_cost = dense->second.tile_cost;
            form.quantisation = dense->second.quantisation;
        }
        Around around;
        around.per_hidden_s = 6 * std::exp(std::clamp(x[6], -1.0, 2.5)) / out.on.bandwidth;
        around.per_width_s = 6 * std::exp(std::clamp(x[7], -1.0, 2.5)) / out.on.bandwidth;
        around.per_output_s = 2 / (0.8 * out.on.bandwidth);
        // A product's floor is a kernel's; the block's own floor is the rest.
        around.floor_s = form.floor_s * 4;
        return std::pair{form, around};
    };
    const std::size_t stride = std::max<std::size_t>(1, rows.size() / 1000);
    const auto cost = [&](const std::vector<double>& x) {
        const auto [form, around] = read(x);
        double sum = 0;
        for (std::size_t i = 0; i < rows.size(); i += stride)
            if (!rows[i].held)
                sum += std::min(
                    0.6,
                    std::abs(std::log(rows[i].seconds /
                                      predicted(rows[i].block, form, around, out.on).seconds({}))));
        return sum;
    };
    std::vector<double> start = gemm_start();
    start.insert(start.end(), {0.3, 0.3});
    auto [form, around] = read(minimise(cost, start, 250, 3));
    if (dense != out.gemm.end()) {
        form.weight_gradient_rate = dense->second.weight_gradient_rate;
        form.weight_gradient_error = dense->second.weight_gradient_error;
    }
    std::vector<Prediction> seen;
    std::vector<double> seen_s;
    std::array<double, 3> least{1e30, 1e30, 1e30}, most{};
    for (const Row& row : rows) {
        const Prediction p = predicted(row.block, form, around, out.on);
        for (const Prediction::Term& term : p.terms)
            for (std::size_t d = 0; d < 3; ++d) {
                least[d] = std::min(least[d], term.sizes[d]);
                most[d] = std::max(most[d], term.sizes[d]);
            }
        if (row.held) continue;
        seen.push_back(p);
        seen_s.push_back(row.seconds);
    }
    form.residual = fit_residuals(
        {covered({2, 16, 64, 128, 256, 512, 1024, 2048, 4096, 16384}, least[0], most[0]),
         covered({1, 4, 16, 64, 256}, least[1], most[1]),
         covered({5e5, 2e6, 8e6, 3e7, 1.2e8}, least[2], most[2])},
        seen, seen_s);
    std::vector<double> held_p, held_s, trained_p, trained_s;
    for (const Row& row : rows)
        if (row.held) {
            held_p.push_back(predicted(row.block, form, around, out.on).seconds(form.residual));
            held_s.push_back(row.seconds);
            if (row.block.rows < 64 * row.block.experts) continue;
            trained_p.push_back(held_p.back());
            trained_s.push_back(held_s.back());
        }
    const Quality q = quality(held_p, held_s);
    form.error = std::max(0.02, q.sigma);
    out.around_s_per_element[format] = {around.per_hidden_s, around.per_width_s};
    out.quality["grouped." + format] = q;
    out.quality["grouped." + format + ", 64 rows per expert and more"] =
        quality(trained_p, trained_s);
    out.grouped[format] = form;
}

}  // namespace

/// The tables time whole blocks, so the products' form and the traffic around them are fitted
/// together; the residuals are the products' (both share them by their own sizes).
void fit_experts(const std::vector<Measurement>& all, Calibration& out) {
    std::map<std::string, std::vector<Row>> by_format;
    for (const Measurement& m : all)
        if (const auto* q = std::get_if<ExpertBlock>(&m.what); q && !m.contended)
            by_format[q->format].push_back(
                {*q, m.seconds,
                 held_out(std::array{q->rows, q->experts, q->hidden, q->width, q->tokens})});
    for (const auto& [format, rows] : by_format)
        if (rows.size() >= 50) fit_format(format, rows, out);
}

}  // namespace moesim::analysis
