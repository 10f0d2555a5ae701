#include "analysis/microbench/context.cuh"
#include "analysis/microbench/kernels/norm.cuh"
#include "analysis/microbench/reference.hpp"

namespace moesim::microbench {

/// rmsnorm and rmsnorm_backward: m rows of `out` values.
Prepared prepare_norm(const Case& what, Context& on) {
    const std::int64_t rows = what.m, n = what.m * what.out;
    const int width = static_cast<int>(what.out);
    const bool backward = what.kernel == "rmsnorm_backward";
    Prepared out;
    out.sets = on.sets(static_cast<double>(what.bytes));
    const int blocks =
        static_cast<int>(std::min<std::int64_t>(rows, 2 * on.properties.multiProcessorCount));
    struct Data {
        bf16 *x, *dy, *result;
        float *inverse, *partial, *dw;
    };
    bf16* w = on.take<bf16>(width);
    fill_bf16(w, width, 1, 1.0f, on.stream);
    std::vector<Data> sets;
    for (int i = 0; i < out.sets; ++i) {
        Data d{on.take<bf16>(n), backward ? on.take<bf16>(n) : nullptr,
               on.take<bf16>(n), on.take<float>(rows),
               nullptr,          nullptr};
        fill_bf16(d.x, n, 2, 1.0f, on.stream);
        rmsnorm<<<static_cast<unsigned>(rows), kNormThreads, 0, on.stream>>>(d.x, w, d.result,
                                                                             d.inverse, width);
        if (backward) {
            d.partial = on.take<float>(static_cast<std::int64_t>(blocks) * width);
            d.dw = on.take<float>(width);
            fill_bf16(d.dy, n, 3, 1.0f, on.stream);
        }
        poison(d.result, n * 2, on.stream);
        sets.push_back(d);
    }
    out.launch = [=](cudaStream_t stream, int set) {
        const Data& d = sets[static_cast<std::size_t>(set)];
        if (!backward) {
            rmsnorm<<<static_cast<unsigned>(rows), kNormThreads, 0, stream>>>(d.x, w, d.result,
                                                                              d.inverse, width);
            return;
        }
        rmsnorm_backward<<<blocks, kNormThreads, 0, stream>>>(d.x, w, d.dy, d.inverse, d.result,
                                                              d.partial, rows, width);
        sum_partials<<<(width + 255) / 256, 256, 0, stream>>>(d.partial, d.dw, blocks, width);
    };
    out.check = [=] {
        const Data& d = sets[0];
        const Reals weight = reals(fetch(w, width));
        Deviation deviation;
        for (const std::int64_t row : sample_rows(rows)) {
            const Reals x = reals(fetch(d.x + row * width, width));
            const Reals got = reals(fetch(d.result + row * width, width));
            const Reals want = backward ? rmsnorm_backward_reference(
                                              x, weight, reals(fetch(d.dy + row * width, width)))
                                        : rmsnorm_reference(x, weight);
            for (std::size_t i = 0; i < want.size(); ++i) deviation.add(got[i], want[i]);
        }
        if (!backward) return deviation.relative();
        // One column of the weight's gradient.
        const int column = width / 3;
        const Reals x = reals(fetch_rows(d.x + column, rows, 1, width));
        const Reals dy = reals(fetch_rows(d.dy + column, rows, 1, width));
        const std::vector<float> inverse = fetch(d.inverse, rows);
        double sum = 0;
        for (std::size_t i = 0; i < x.size(); ++i) sum += dy[i] * x[i] * inverse[i];
        Deviation whole;
        whole.add(fetch(d.dw + column, 1)[0], sum);
        return std::max(deviation.relative(), whole.relative());
    };
    return out;
}

}  // namespace moesim::microbench
