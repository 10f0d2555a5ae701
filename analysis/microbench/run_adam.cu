#include "analysis/microbench/context.cuh"
#include "analysis/microbench/kernels/adam.cuh"
#include "analysis/microbench/reference.hpp"

namespace moesim::microbench {
namespace {

constexpr AdamStep kStep{1e-3f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.1f, 0.05f};

/// m x out parameters in eight tensors of unequal size.
AdamTensors tensors(std::int64_t elements, Context& on) {
    AdamTensors all{};
    std::int64_t left = elements;
    for (int i = 0; i < kTensors; ++i) {
        const std::int64_t n = i + 1 < kTensors ? left / 3 / 8 * 8 : left;
        left -= n;
        float* gradient = on.take<float>(n);
        all.gradient[i] = gradient;
        all.master[i] = on.take<float>(n);
        all.moment[i] = on.take<float>(n);
        all.variance[i] = on.take<float>(n);
        all.weight[i] = on.take<bf16>(n);
        all.elements[i] = n;
        all.first_chunk[i + 1] =
            all.first_chunk[i] + static_cast<int>((n + kAdamChunk - 1) / kAdamChunk);
        fill_fp32(gradient, n, 1, 1.0f, on.stream);
        fill_fp32(all.master[i], n, 2, 1.0f, on.stream);
        fill_constant(all.moment[i], n, 0.25f, on.stream);
        fill_constant(all.variance[i], n, 0.5f, on.stream);
        poison(all.weight[i], n * 2, on.stream);
    }
    return all;
}

}  // namespace

/// The optimizer's update of m x out parameters.
Prepared prepare_adam(const Case& what, Context& on) {
    Prepared out;
    out.sets = on.sets(static_cast<double>(what.bytes));
    std::vector<AdamTensors> sets;
    for (int i = 0; i < out.sets; ++i) sets.push_back(tensors(what.m * what.out, on));
    const AdamTensors& first = sets.front();
    // Before the first step, for the check: master and gradient of each tensor's beginning and end.
    struct Sample {
        int tensor;
        std::int64_t at;
        float gradient, master;
    };
    check(cudaStreamSynchronize(on.stream), "filling");
    std::vector<Sample> samples;
    for (int t = 0; t < kTensors; ++t)
        for (const std::int64_t at : sample_rows(first.elements[t]))
            samples.push_back(
                {t, at, fetch(first.gradient[t] + at, 1)[0], fetch(first.master[t] + at, 1)[0]});
    const int blocks = std::min(on.blocks(), first.first_chunk[kTensors]);
    out.launch = [=](cudaStream_t stream, int set) {
        adam<<<blocks, 512, 0, stream>>>(sets[static_cast<std::size_t>(set)], kStep);
    };
    out.check = [=] {
        Deviation change, weight;
        for (const Sample& s : samples) {
            const double m = 0.9 * 0.25 + 0.1 * s.gradient;
            const double v = 0.95 * 0.5 + 0.05 * s.gradient * s.gradient;
            const double next =
                s.master - 1e-3 * (m / 0.1 / (std::sqrt(v / 0.05) + 1e-8) + 0.1 * s.master);
            change.add(fetch(sets[0].master[s.tensor] + s.at, 1)[0] - s.master, next - s.master);
            weight.add(bf16_value(fetch(sets[0].weight[s.tensor] + s.at, 1)[0]), next);
        }
        return std::max(change.relative(), weight.relative());
    };
    out.note = "8 tensors in one launch";
    return out;
}

}  // namespace moesim::microbench
