#include <algorithm>
#include <numeric>
#include <random>

#include "analysis/microbench/context.cuh"
#include "analysis/microbench/kernels/tokens.cuh"
#include "analysis/microbench/reference.hpp"

namespace moesim::microbench {
namespace {

/// 0 ... n - 1 in a mixed order, always the same.
std::vector<int> mixed(std::int64_t n) {
    std::vector<int> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    std::mt19937 draw(7);
    for (std::size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[draw() % (i + 1)]);
    return order;
}

Eight* eights(bf16* data) { return reinterpret_cast<Eight*>(data); }

/// permute and unpermute: m tokens of `out` values to and from m x groups rows.
Prepared prepare_permute(const Case& what, Context& on) {
    struct Data {
        bf16 *tokens, *rows;
    };
    const std::int64_t width = what.out, m = what.m, n = m * what.groups;
    const int copies = what.groups, groups = static_cast<int>(width / 8);
    const bool back = what.kernel == "unpermute";
    const std::vector<int> place = mixed(n);  // of choice t copies + c
    std::vector<int> source(place.size());
    for (std::size_t i = 0; i < place.size(); ++i)
        source[static_cast<std::size_t>(place[i])] = static_cast<int>(i) / copies;
    int* at = on.take<int>(n);
    int* from = on.take<int>(n);
    float* weight = on.take<float>(n);
    upload(at, place);
    upload(from, source);
    fill_fp32(weight, n, 3, 1.0f, on.stream);
    Prepared out;
    out.sets = on.sets(static_cast<double>(what.bytes));
    std::vector<Data> sets;
    for (int i = 0; i < out.sets; ++i) {
        const Data d{on.take<bf16>(m * width), on.take<bf16>(n * width)};
        fill_bf16(back ? d.rows : d.tokens, (back ? n : m) * width, 1, 1.0f, on.stream);
        poison(back ? d.tokens : d.rows, (back ? m : n) * width * 2, on.stream);
        sets.push_back(d);
    }
    out.launch = [=](cudaStream_t stream, int set) {
        const Data& d = sets[static_cast<std::size_t>(set)];
        if (back)
            unpermute<<<static_cast<unsigned>(m), kRowThreads, 0, stream>>>(
                eights(d.rows), at, weight, eights(d.tokens), groups, copies);
        else
            permute<<<static_cast<unsigned>(n), kRowThreads, 0, stream>>>(eights(d.tokens), from,
                                                                          eights(d.rows), groups);
    };
    out.check = [=] {
        const Data& d = sets[0];
        const std::vector<float> by = fetch(weight, n);
        Deviation deviation;
        for (const std::int64_t row : sample_rows(back ? m : n)) {
            const Reals got = reals(fetch((back ? d.tokens : d.rows) + row * width, width));
            Reals want(static_cast<std::size_t>(width), 0.0);
            for (int c = 0; c < (back ? copies : 1); ++c) {
                const auto choice = static_cast<std::size_t>(row * copies + c);
                const std::int64_t other =
                    back ? place[choice] : source[static_cast<std::size_t>(row)];
                const Reals x = reals(fetch((back ? d.rows : d.tokens) + other * width, width));
                for (std::size_t i = 0; i < want.size(); ++i)
                    want[i] += x[i] * (back ? by[choice] : 1.0);
            }
            for (std::size_t i = 0; i < want.size(); ++i) deviation.add(got[i], want[i]);
        }
        return deviation.relative();
    };
    return out;
}

Prepared prepare_topk(const Case& what, Context& on) {
    struct Data {
        float *logits, *share;
        int* expert;
    };
    const std::int64_t m = what.m, experts = what.groups;
    Prepared out;
    out.sets = on.sets(static_cast<double>(what.bytes));
    std::vector<Data> sets;
    for (int i = 0; i < out.sets; ++i) {
        const Data d{on.take<float>(m * experts), on.take<float>(m * kTopK),
                     on.take<int>(m * kTopK)};
        fill_fp32(d.logits, m * experts, 1, 4.0f, on.stream);
        poison(d.expert, m * kTopK * 4, on.stream);
        sets.push_back(d);
    }
    out.launch = [=](cudaStream_t stream, int set) {
        const Data& d = sets[static_cast<std::size_t>(set)];
        const auto blocks = static_cast<unsigned>((m * 32 + 255) / 256);
        if (experts == 64)
            router_topk<2><<<blocks, 256, 0, stream>>>(d.logits, d.expert, d.share, m);
        else if (experts == 128)
            router_topk<4><<<blocks, 256, 0, stream>>>(d.logits, d.expert, d.share, m);
        else
            router_topk<8><<<blocks, 256, 0, stream>>>(d.logits, d.expert, d.share, m);
    };
    out.check = [=] {
        Deviation deviation;
        for (const std::int64_t row : sample_rows(m)) {
            const std::vector<float> logits = fetch(sets[0].logits + row * experts, experts);
            const std::vector<int> got = fetch(sets[0].expert + row * kTopK, kTopK);
            const std::vector<int> want = topk_reference(logits);
            // By score, as fast exponentials may swap what is nearly equal.
            for (std::size_t k = 0; k < want.size(); ++k) {
                if (got[k] < 0 || got[k] >= experts) return std::nan("");
                deviation.add(logits[static_cast<std::size_t>(got[k])],
                              logits[static_cast<std::size_t>(want[k])]);
            }
        }
        return deviation.relative();
    };
    out.tolerance = 1e-3;
    return out;
}

Prepared prepare_map(const Case& what, Context& on) {
    const std::int64_t choices = what.m * kTopK;
    const int experts = what.groups;
    int* expert = on.take<int>(choices);
    int* count = on.take<int>(2 * experts);  // and what is taken of them
    int* place = on.take<int>(choices);
    std::vector<int> drawn(static_cast<std::size_t>(choices));
    std::mt19937 draw(11);
    for (int& one : drawn) one = static_cast<int>(draw() % static_cast<unsigned>(experts));
    upload(expert, drawn);
    poison(place, choices * 4, on.stream);
    Prepared out;
    const auto blocks = static_cast<unsigned>(std::min<std::int64_t>(256, (choices + 255) / 256));
    out.launch = [=](cudaStream_t stream, int) {
        cudaMemsetAsync(count, 0, static_cast<std::size_t>(2 * experts) * 4, stream);
        count_experts<<<blocks, 256, 0, stream>>>(expert, count, choices, experts);
        place_choices<<<blocks, 256, 0, stream>>>(expert, count, count + experts, place, choices,
                                                  experts);
    };
    out.check = [=] {
        const std::vector<int> got = fetch(place, choices);
        std::vector<int> at(got.size(), -1);  // the choice in each row
        for (std::size_t i = 0; i < got.size(); ++i) {
            if (got[i] < 0 || got[i] >= choices || at[static_cast<std::size_t>(got[i])] >= 0)
                return std::nan("");
            at[static_cast<std::size_t>(got[i])] = drawn[i];
        }
        return std::is_sorted(at.begin(), at.end()) ? 0.0 : 1.0;
    };
    out.note = "data stay in the L2 cache";
    return out;
}

}  // namespace

/// permute, unpermute, router_topk, expert_map.
Prepared prepare_tokens(const Case& what, Context& on) {
    if (what.kernel == "router_topk") return prepare_topk(what, on);
    if (what.kernel == "expert_map") return prepare_map(what, on);
    return prepare_permute(what, on);
}

}  // namespace moesim::microbench
