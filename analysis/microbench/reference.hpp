#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace moesim::microbench {

/// Root of summed squared differences over root of summed squares of the reference. NaN anywhere
/// stays NaN, which passes no tolerance.
class Deviation {
public:
    void add(double value, double reference) {
        difference_ += (value - reference) * (value - reference);
        size_ += reference * reference;
    }
    [[nodiscard]] double relative() const { return std::sqrt(difference_ / size_); }

private:
    double difference_ = 0, size_ = 0;
};

using Reals = std::vector<double>;

// What kernels compute, in double, for one row; formulas stand at the kernels.

/// [width] of x [width] and w [width].
Reals rmsnorm_reference(const Reals& x, const Reals& w);
/// dx [width]; n = x / rms: the share of dw is dy n.
Reals rmsnorm_backward_reference(const Reals& x, const Reals& w, const Reals& dy);
double inverse_rms(const Reals& x);
/// y [width] of gates and ups [2 width].
Reals swiglu_reference(const Reals& in);
/// Gradients of gates, then of ups [2 width].
Reals swiglu_backward_reference(const Reals& in, const Reals& dy);
/// Pairs (i, i + 32) of each 64 turned by position x 10000^(-i / 32).
Reals rope_reference(const Reals& x, double position);
double rope_angle(double position, int pair);

/// Scale and codes of 128 values as the cast kernels choose them.
struct Quantized {
    double scale;
    std::vector<std::uint8_t> codes;
};
Quantized quantize_reference(const std::vector<float>& values);

/// The eight experts of largest score, first the largest; lower experts win ties.
std::vector<int> topk_reference(const std::vector<float>& logits);

/// One row of an attention core: scores of a query [qk] with keys [n, qk], values [n, v].
struct AttentionRow {
    Reals out;
    double lse;
};
AttentionRow attention_reference(const Reals& query, const Reals& keys, const Reals& values,
                                 double scale);

/// Gradient of the query in the same row, given that of the output [v].
Reals query_gradient_reference(const Reals& query, const Reals& keys, const Reals& values,
                               const Reals& gradient, double scale);

/// Adds to dk [qk] and dv [v] what one query that sees the key gives. delta = gradient . out.
void key_gradient_reference(const Reals& query, const Reals& key, const Reals& value,
                            const Reals& gradient, double lse, double delta, double scale,
                            Reals& dk, Reals& dv);

}  // namespace moesim::microbench
