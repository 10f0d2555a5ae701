#include <algorithm>

#include "analysis/microbench/context.cuh"
#include "analysis/microbench/kernels/attention.cuh"
#include "analysis/microbench/reference.hpp"

namespace moesim::microbench {
namespace {

struct Data {
    bf16 *q, *k, *v, *o, *gradient, *dq, *dk, *dv;
    float *lse, *delta, *dq32;
};

using Launch = void (*)(cudaStream_t, const Data&, const CoreShape&);

template <int D, int V>
void forward(cudaStream_t stream, const Data& d, const CoreShape& s) {
    constexpr int shared = forward_shared_bytes<D, V>();
    check(cudaFuncSetAttribute(attention_forward<D, V>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               shared),
          "shared memory");
    const dim3 grid(static_cast<unsigned>(s.sequence / kTile), static_cast<unsigned>(s.heads));
    attention_forward<D, V><<<grid, kCoreThreads, shared, stream>>>(d.q, d.k, d.v, d.o, d.lse, s);
}

template <int D, int V>
void backward(cudaStream_t stream, const Data& d, const CoreShape& s) {
    constexpr int shared = backward_shared_bytes<D, V>();
    check(cudaFuncSetAttribute(attention_backward<D, V>,
                               cudaFuncAttributeMaxDynamicSharedMemorySize, shared),
          "shared memory");
    const std::int64_t rows = static_cast<std::int64_t>(s.sequence) * s.heads;
    attention_delta<V><<<static_cast<unsigned>((rows * 32 + 255) / 256), 256, 0, stream>>>(
        d.o, d.gradient, d.delta, s);
    check(cudaMemsetAsync(d.dq32, 0, static_cast<std::size_t>(rows) * D * 4, stream), "zeroing");
    const dim3 grid(static_cast<unsigned>(s.sequence / kTile), static_cast<unsigned>(s.kv_heads));
    attention_backward<D, V><<<grid, kCoreThreads, shared, stream>>>(
        d.q, d.k, d.v, d.gradient, d.lse, d.delta, d.dq32, d.dk, d.dv, s);
    narrow<<<1024, 256, 0, stream>>>(reinterpret_cast<const float4*>(d.dq32),
                                     reinterpret_cast<Eight*>(d.dq), rows * D / 8);
}

template <int D, int V>
Launch pick(bool back) {
    return back ? backward<D, V> : forward<D, V>;
}

/// Keys and values that query `row` of a head sees.
struct Seen {
    Reals keys, values;
};
Seen seen(const Data& d, const CoreShape& s, int row, int head, int qk, int v) {
    const int kv = head / (s.heads / s.kv_heads), n = s.causal ? row + 1 : s.sequence;
    return {reals(fetch_rows(d.k + kv * qk, n, qk, static_cast<std::int64_t>(s.kv_heads) * qk)),
            reals(fetch_rows(d.v + kv * v, n, v, static_cast<std::int64_t>(s.kv_heads) * v))};
}

/// A row of [sequence, heads, width].
Reals row_of(const bf16* data, const CoreShape& s, std::int64_t row, int head, int width) {
    return reals(fetch(data + (row * s.heads + head) * width, width));
}

double forward_error(const Data& d, const CoreShape& s, int qk, int v) {
    Deviation deviation;
    for (const int row : {0, s.sequence / 2 + 5, s.sequence - 1})
        for (const int head : {0, s.heads - 1}) {
            const Seen with = seen(d, s, row, head, qk, v);
            const AttentionRow want =
                attention_reference(row_of(d.q, s, row, head, qk), with.keys, with.values, s.scale);
            const Reals got = row_of(d.o, s, row, head, v);
            for (std::size_t i = 0; i < got.size(); ++i) deviation.add(got[i], want.out[i]);
        }
    return deviation.relative();
}

/// dq of some queries; dk and dv of one key in the middle, which sums over all heads that share it.
double backward_error(const Data& d, const CoreShape& s, int qk, int v) {
    Deviation queries, others;
    for (const int row : {3, s.sequence / 2 + 5, s.sequence - 1}) {
        const int head = s.heads - 1;
        const Seen with = seen(d, s, row, head, qk, v);
        const Reals want =
            query_gradient_reference(row_of(d.q, s, row, head, qk), with.keys, with.values,
                                     row_of(d.gradient, s, row, head, v), s.scale);
        const Reals got = row_of(d.dq, s, row, head, qk);
        for (std::size_t i = 0; i < got.size(); ++i) queries.add(got[i], want[i]);
    }
    const int kv = s.kv_heads - 1, sharing = s.heads / s.kv_heads, key = s.sequence - 70;
    const auto at = [&](const bf16* data, int width) {
        return reals(
            fetch(data + (static_cast<std::int64_t>(key) * s.kv_heads + kv) * width, width));
    };
    const Reals k = at(d.k, qk), value = at(d.v, v);
    Reals dk(k.size(), 0.0), dv(value.size(), 0.0);
    for (int head = kv * sharing; head < (kv + 1) * sharing; ++head)
        for (int row = s.causal ? key : 0; row < s.sequence; ++row) {
            const std::int64_t stat = static_cast<std::int64_t>(head) * s.sequence + row;
            key_gradient_reference(row_of(d.q, s, row, head, qk), k, value,
                                   row_of(d.gradient, s, row, head, v), fetch(d.lse + stat, 1)[0],
                                   fetch(d.delta + stat, 1)[0], s.scale, dk, dv);
        }
    const Reals got_k = at(d.dk, qk), got_v = at(d.dv, v);
    for (std::size_t i = 0; i < dk.size(); ++i) others.add(got_k[i], dk[i]);
    Deviation values;
    for (std::size_t i = 0; i < dv.size(); ++i) values.add(got_v[i], dv[i]);
    const double worst = std::max(queries.relative(), others.relative());
    return std::isnan(worst) ? worst : std::max(worst, values.relative());
}

}  // namespace

/// The attention core of one sequence, forward or whole backward, by our own kernel.
Prepared prepare_attention(const Case& what, Context& on) {
    const bool back = what.pass != "forward";
    const int qk = what.qk_dim, v = what.v_dim;
    Launch forward_pass = nullptr, run = nullptr;
    const auto choose = [&](Launch first, Launch second) {
        forward_pass = first;
        run = back ? second : first;
    };
    if (qk == 192 && v == 128) choose(pick<192, 128>(false), pick<192, 128>(true));
    if (qk == 128 && v == 128) choose(pick<128, 128>(false), pick<128, 128>(true));
    if (qk == 64 && v == 64) choose(pick<64, 64>(false), pick<64, 64>(true));
    if (run == nullptr || what.sequence % kTile != 0 || what.batch != 1)
        throw Unsupported("our kernel has no such shape");
    const CoreShape shape{what.sequence, what.heads, what.kv_heads,
                          1.0f / std::sqrt(static_cast<float>(qk)), what.causal};
    const std::int64_t s = what.sequence, rows = s * what.heads, shared = s * what.kv_heads;
    Data d{};
    d.q = on.take<bf16>(rows * qk);
    d.k = on.take<bf16>(shared * qk);
    d.v = on.take<bf16>(shared * v);
    d.o = on.take<bf16>(rows * v);
    d.lse = on.take<float>(rows);
    fill_bf16(d.q, rows * qk, 1, 1.0f, on.stream);
    fill_bf16(d.k, shared * qk, 2, 1.0f, on.stream);
    fill_bf16(d.v, shared * v, 3, 1.0f, on.stream);
    poison(d.o, rows * v * 2, on.stream);
    if (back) {
        d.gradient = on.take<bf16>(rows * v);
        d.dq = on.take<bf16>(rows * qk);
        d.dk = on.take<bf16>(shared * qk);
        d.dv = on.take<bf16>(shared * v);
        d.delta = on.take<float>(rows);
        d.dq32 = on.take<float>(rows * qk);
        fill_bf16(d.gradient, rows * v, 4, 1.0f, on.stream);
        for (auto [data, count] :
             {std::pair{d.dq, rows * qk}, {d.dk, shared * qk}, {d.dv, shared * v}})
            poison(data, count * 2, on.stream);
        forward_pass(on.stream, d, shape);
        check(cudaGetLastError(), "attention");
    }
    Prepared out;
    out.launch = [=](cudaStream_t stream, int) { run(stream, d, shape); };
    out.check = [=] {
        return back ? backward_error(d, shape, qk, v) : forward_error(d, shape, qk, v);
    };
    out.tolerance = 0.02;       // probabilities are rounded to BF16 on the way
    out.library = "own plain";  // by which the trace importer knows to set it aside
    out.note = "plain mma.sync kernel: slower than a tuned library";
    return out;
}

}  // namespace moesim::microbench
