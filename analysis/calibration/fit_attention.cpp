#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/calibration/calibration.hpp"
#include "analysis/calibration/gemm_parameters.hpp"

namespace moesim::analysis {
namespace {

using topologies::AttentionCore;
using topologies::AttentionForm;

struct Row {
    AttentionCore query;
    double seconds;
    bool held;
};

Prediction predicted(const Row& row, const AttentionForm& form, const topologies::Hardware& on) {
    Prediction out;
    out.terms[0] = {topologies::attention_seconds(row.query, form, on),
                    topologies::attention_sizes(row.query)};
    return out;
}

}  // namespace

/// Forward and backward share the form; the backward's rate is the median over its measurements.
void fit_attention(const std::vector<Measurement>& all, Calibration& out) {
    std::vector<Row> rows, backward;
    for (const Measurement& m : all)
        if (const auto* q = std::get_if<AttentionCore>(&m.what); q && !m.contended)
            (q->pass == topologies::Pass::forward ? rows : backward)
                .push_back({*q, m.seconds,
                            held_out(std::array{q->batch, q->heads, q->kv_heads, q->sequence,
                                                q->qk_dim, q->v_dim})});
    if (rows.size() < 20) return;
    const auto read = [](const std::vector<double>& x) {
        AttentionForm form;
        form.share = bounded(x[0], 0.1, 1);
        form.extra_sequence = std::exp(std::clamp(x[1], -3.0, 9.0));
        form.floor_s = std::exp(std::clamp(x[2], -3.0, 5.0)) * 1e-6;
        return form;
    };
    const auto cost = [&](const std::vector<double>& x) {
        const AttentionForm form = read(x);
        double sum = 0;
        for (std::size_t i = 0; i < rows.size(); i += 7)
            if (!rows[i].held)
                sum +=
                    std::min(0.6, std::abs(std::log(rows[i].seconds /
                                                    predicted(rows[i], form, out.on).seconds({}))));
        return sum;
    };
    AttentionForm form = read(minimise(cost, {0.5, 6.5, 1.6}, 150, 2));
    std::vector<Prediction> seen;
    std::vector<double> seen_s;
    std::array<std::set<double>, 3> sizes;
    for (const Row& row : rows) {
        const Prediction p = predicted(row, form, out.on);
        for (std::size_t d = 0; d < 3; ++d) sizes[d].insert(p.terms[0].sizes[d]);
        if (row.held) continue;
        seen.push_back(p);
        seen_s.push_back(row.seconds);
    }
    form.residual = fit_residuals(
        {covered({256, 512, 1024, 2048, 4096, 8192, 16384, 32768}, *sizes[0].begin(),
                 *sizes[0].rbegin()),
         covered({1, 4, 16, 32, 64, 128, 512, 4096}, *sizes[1].begin(), *sizes[1].rbegin()),
         covered({128, 256, 320, 384, 512}, *sizes[2].begin(), *sizes[2].rbegin())},
        seen, seen_s);
    std::vector<double> held_p, held_s;
    for (const Row& row : rows)
        if (row.held) {
            held_p.push_back(predicted(row, form, out.on).seconds(form.residual));
            held_s.push_back(row.seconds);
        }
    const Quality q = quality(held_p, held_s);
    form.error = std::max(0.02, q.sigma);
    out.quality["attention"] = q;
    form.backward_rate = 0.85;
    std::vector<double> rates;
    for (const Row& row : backward)  // with rate 1, over measured
        rates.push_back([&] {
            AttentionForm plain = form;
            plain.backward_rate = 1;
            return predicted(row, plain, out.on).seconds(form.residual) / row.seconds;
        }());
    if (!rates.empty()) {
        std::nth_element(rates.begin(), rates.begin() + static_cast<long>(rates.size() / 2),
                         rates.end());
        form.backward_rate = std::clamp(rates[rates.size() / 2], 0.05, 2.0);
        form.backward_measured = rates.size() >= 3;
    }
    out.attention = form;
}

}  // namespace moesim::analysis
