#include "analysis/microbench/context.cuh"
#include "analysis/microbench/kernels/elementwise.cuh"
#include "analysis/microbench/reference.hpp"

namespace moesim::microbench {
namespace {

constexpr int kPositions = 4096;

struct Data {
    bf16 *a, *b, *result;  // what each is depends on the kernel
};

/// Cosines and sines of kPositions x 32 pairs.
float2* angles(Context& on) {
    std::vector<float2> table;
    for (int position = 0; position < kPositions; ++position)
        for (int pair = 0; pair < 32; ++pair) {
            const double angle = rope_angle(position, pair);
            table.push_back(
                {static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle))});
        }
    float2* at = on.take<float2>(static_cast<std::int64_t>(table.size()));
    upload(at, table);
    return at;
}

Eight* eights(bf16* data) { return reinterpret_cast<Eight*>(data); }

Reals expected(const std::string& kernel, const Data& d, std::int64_t row, std::int64_t width) {
    const Reals a = reals(fetch(d.a + row * width * (kernel.starts_with("swiglu") ? 2 : 1),
                                width * (kernel.starts_with("swiglu") ? 2 : 1)));
    if (kernel == "swiglu") return swiglu_reference(a);
    if (kernel == "rope") return rope_reference(a, static_cast<double>(row % kPositions));
    Reals b = reals(fetch(d.b + row * width, width));
    if (kernel == "swiglu_backward") return swiglu_backward_reference(a, b);
    for (std::size_t i = 0; i < b.size(); ++i) b[i] += a[i];
    return b;
}

}  // namespace

/// add, swiglu, swiglu_backward, rope: m rows of `out` values.
Prepared prepare_elementwise(const Case& what, Context& on) {
    const std::string kernel = what.kernel;
    const std::int64_t rows = what.m, width = what.out, n = rows * width;
    const bool gated = kernel.starts_with("swiglu"), back = kernel == "swiglu_backward";
    const std::int64_t first = gated ? 2 * n : n, last = back ? 2 * n : n;
    float2* table = kernel == "rope" ? angles(on) : nullptr;
    Prepared out;
    out.sets = on.sets(static_cast<double>(what.bytes));
    std::vector<Data> sets;
    for (int i = 0; i < out.sets; ++i) {
        Data d{on.take<bf16>(first), back || kernel == "add" ? on.take<bf16>(n) : nullptr,
               on.take<bf16>(last)};
        fill_bf16(d.a, first, 1, 3.0f, on.stream);
        if (d.b != nullptr) fill_bf16(d.b, n, 2, 1.0f, on.stream);
        poison(d.result, last * 2, on.stream);
        sets.push_back(d);
    }
    const int blocks = static_cast<int>(std::min<std::int64_t>(on.blocks(), (n / 8 + 255) / 256));
    out.launch = [=](cudaStream_t stream, int set) {
        const Data& d = sets[static_cast<std::size_t>(set)];
        const int groups = static_cast<int>(width / 8);
        if (kernel == "add")
            add<<<blocks, 256, 0, stream>>>(eights(d.a), eights(d.b), eights(d.result), n / 8);
        else if (kernel == "swiglu")
            swiglu<<<blocks, 256, 0, stream>>>(eights(d.a), eights(d.result), rows, groups);
        else if (back)
            swiglu_backward<<<blocks, 256, 0, stream>>>(eights(d.a), eights(d.b), eights(d.result),
                                                        rows, groups);
        else
            rope<<<blocks, 256, 0, stream>>>(d.a, table, d.result, rows, static_cast<int>(width),
                                             kPositions);
    };
    out.check = [=] {
        Deviation deviation;
        for (const std::int64_t row : sample_rows(rows)) {
            const Reals want = expected(kernel, sets[0], row, width);
            const auto count = static_cast<std::int64_t>(want.size());
            const Reals got = reals(fetch(sets[0].result + row * count, count));
            for (std::size_t i = 0; i < want.size(); ++i) deviation.add(got[i], want[i]);
        }
        return deviation.relative();
    };
    return out;
}

}  // namespace moesim::microbench
