#include "analysis/microbench/reference.hpp"

#include <algorithm>
#include <numeric>

#include "analysis/microbench/formats.hpp"

namespace moesim::microbench {
namespace {

double dot(const Reals& a, const double* b) {
    return std::inner_product(a.begin(), a.end(), b, 0.0);
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

double inverse_rms(const Reals& x) {
    return 1 / std::sqrt(dot(x, x.data()) / static_cast<double>(x.size()) + 1e-6);
}

Reals rmsnorm_reference(const Reals& x, const Reals& w) {
    const double scale = inverse_rms(x);
    Reals y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) y[i] = x[i] * scale * w[i];
    return y;
}

Reals rmsnorm_backward_reference(const Reals& x, const Reals& w, const Reals& dy) {
    const double scale = inverse_rms(x);
    double mean = 0;
    for (std::size_t i = 0; i < x.size(); ++i) mean += w[i] * dy[i] * x[i] * scale;
    mean /= static_cast<double>(x.size());
    Reals dx(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) dx[i] = scale * (w[i] * dy[i] - x[i] * scale * mean);
    return dx;
}

Reals swiglu_reference(const Reals& in) {
    const std::size_t width = in.size() / 2;
    Reals y(width);
    for (std::size_t i = 0; i < width; ++i) y[i] = in[i] * sigmoid(in[i]) * in[width + i];
    return y;
}

Reals swiglu_backward_reference(const Reals& in, const Reals& dy) {
    const std::size_t width = in.size() / 2;
    Reals out(in.size());
    for (std::size_t i = 0; i < width; ++i) {
        const double s = sigmoid(in[i]);
        out[i] = dy[i] * in[width + i] * (s + in[i] * s * (1 - s));
        out[width + i] = dy[i] * in[i] * s;
    }
    return out;
}

double rope_angle(double position, int pair) { return position * std::pow(10000.0, -pair / 32.0); }

Reals rope_reference(const Reals& x, double position) {
    Reals y(x.size());
    for (std::size_t head = 0; head + 64 <= x.size(); head += 64)
        for (std::size_t i = 0; i < 32; ++i) {
            const double angle = rope_angle(position, static_cast<int>(i));
            const double u = x[head + i], v = x[head + i + 32];
            y[head + i] = u * std::cos(angle) - v * std::sin(angle);
            y[head + i + 32] = v * std::cos(angle) + u * std::sin(angle);
        }
    return y;
}

Quantized quantize_reference(const std::vector<float>& values) {
    float most = 1e-12F;
    for (const float value : values) most = std::max(most, std::fabs(value));
    Quantized out{most / 448.0, {}};
    for (const float value : values) out.codes.push_back(e4m3_bits(value * (448.0F / most)));
    return out;
}

std::vector<int> topk_reference(const std::vector<float>& logits) {
    std::vector<int> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
        return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)];
    });
    order.resize(8);
    return order;
}

AttentionRow attention_reference(const Reals& query, const Reals& keys, const Reals& values,
                                 double scale) {
    const std::size_t n = keys.size() / query.size(), width = values.size() / n;
    Reals score(n);
    for (std::size_t i = 0; i < n; ++i) score[i] = scale * dot(query, &keys[i * query.size()]);
    const double most = *std::max_element(score.begin(), score.end());
    double sum = 0;
    for (const double one : score) sum += std::exp(one - most);
    AttentionRow row{Reals(width, 0.0), most + std::log(sum)};
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < width; ++j)
            row.out[j] += std::exp(score[i] - row.lse) * values[i * width + j];
    return row;
}

Reals query_gradient_reference(const Reals& query, const Reals& keys, const Reals& values,
                               const Reals& gradient, double scale) {
    const AttentionRow row = attention_reference(query, keys, values, scale);
    const double delta = dot(gradient, row.out.data());
    Reals out(query.size(), 0.0);
    for (std::size_t i = 0; i < keys.size() / query.size(); ++i) {
        const double* key = &keys[i * query.size()];
        const double p = std::exp(scale * dot(query, key) - row.lse);
        const double ds = p * (dot(gradient, &values[i * gradient.size()]) - delta);
        for (std::size_t j = 0; j < query.size(); ++j) out[j] += scale * ds * key[j];
    }
    return out;
}

void key_gradient_reference(const Reals& query, const Reals& key, const Reals& value,
                            const Reals& gradient, double lse, double delta, double scale,
                            Reals& dk, Reals& dv) {
    const double p = std::exp(scale * dot(query, key.data()) - lse);
    const double ds = p * (dot(gradient, value.data()) - delta);
    for (std::size_t j = 0; j < dk.size(); ++j) dk[j] += scale * ds * query[j];
    for (std::size_t j = 0; j < dv.size(); ++j) dv[j] += p * gradient[j];
}

}  // namespace moesim::microbench
