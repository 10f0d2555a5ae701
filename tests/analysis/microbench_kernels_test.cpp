// The benchmark's own kernels on the host, against references in double: what can be known about
// them without a GPU.
#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>
#include <random>

#include "analysis/microbench/reference.hpp"

#define MOESIM_ON_CPU
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wpedantic"
#include "analysis/microbench/kernels/adam.cuh"
#include "analysis/microbench/kernels/attention.cuh"
#include "analysis/microbench/kernels/cast.cuh"
#include "analysis/microbench/kernels/elementwise.cuh"
#include "analysis/microbench/kernels/norm.cuh"
#include "analysis/microbench/kernels/tokens.cuh"
#pragma GCC diagnostic pop

using namespace moesim::microbench;

namespace {

using Bits = std::vector<bf16>;

Bits drawn(std::size_t count, unsigned seed, float size = 1) {
    std::mt19937 draw(seed);
    std::uniform_real_distribution<float> uniform(-size, size);
    Bits out(count);
    for (bf16& one : out) one = bf16_bits(uniform(draw));
    return out;
}

Reals part(const Bits& bits, std::size_t begin, std::size_t count) {
    Reals out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(bf16_value(bits[begin + i]));
    return out;
}

const Eight* eights(const Bits& bits) { return reinterpret_cast<const Eight*>(bits.data()); }
Eight* eights(Bits& bits) { return reinterpret_cast<Eight*>(bits.data()); }

double deviation(const Reals& got, const Reals& want) {
    REQUIRE(got.size() == want.size());
    Deviation d;
    for (std::size_t i = 0; i < got.size(); ++i) d.add(got[i], want[i]);
    return d.relative();
}

constexpr double kRounding = 0.004;  // BF16 keeps 8 bits: half a step is 2^-9 = 0.002

}  // namespace

TEST_CASE("microbench kernels: formats round to nearest and ties to even") {
    CHECK(bf16_value(bf16_bits(1.0F)) == 1.0F);
    CHECK(bf16_bits(1.00390625F) == 0x3f80);  // halfway between 1 and 1 + 2^-7: to even
    CHECK(bf16_bits(1.01171875F) == 0x3f82);  // halfway between 1 + 2^-7 and 1 + 2^-6
    for (int code = 0; code < 256; ++code) {
        const auto bits = static_cast<std::uint8_t>(code);
        if ((bits & 0x7f) == 0x7f) continue;  // NaN
        CHECK(e4m3_bits(e4m3_value(bits)) == bits);
    }
    CHECK(e4m3_value(0x7e) == 448);
    CHECK(e4m3_value(0x01) == Approx(1.0 / 512));
    CHECK(e4m3_bits(1e9F) == 0x7e);
    CHECK(e4m3_value(e4m3_bits(1.0625F)) == 1.0F);   // between 1 and 1.125: to even
    CHECK(e4m3_value(e4m3_bits(1.1875F)) == 1.25F);  // between 1.125 and 1.25
    CHECK(e4m3_value(e4m3_bits(1.9999F)) == 2.0F);   // over into the next exponent
    CHECK(e4m3_value(e4m3_bits(0.0009F)) == 0);      // below half the smallest
}

TEST_CASE("microbench kernels: norms, forward and backward") {
    constexpr int kRows = 3, kWidth = 2048 + 512;  // the last threads have no second vector
    const Bits x = drawn(kRows * kWidth, 1), w = drawn(kWidth, 2), dy = drawn(kRows * kWidth, 3);
    Bits y(x.size()), dx(x.size());
    std::vector<float> inverse(kRows), partial(2 * kWidth), dw(kWidth);
    cpu::launch(kRows, 1, kNormThreads,
                [&] { rmsnorm(x.data(), w.data(), y.data(), inverse.data(), kWidth); });
    cpu::launch(2, 1, kNormThreads, [&] {
        rmsnorm_backward(x.data(), w.data(), dy.data(), inverse.data(), dx.data(), partial.data(),
                         kRows, kWidth);
    });
    cpu::launch(kWidth / 32, 1, 32, [&] { sum_partials(partial.data(), dw.data(), 2, kWidth); });
    const Reals weight = part(w, 0, kWidth);
    Reals want_dw(kWidth, 0.0);
    for (std::size_t row = 0; row < kRows; ++row) {
        const Reals in = part(x, row * kWidth, kWidth), gradient = part(dy, row * kWidth, kWidth);
        CHECK(deviation(part(y, row * kWidth, kWidth), rmsnorm_reference(in, weight)) < kRounding);
        CHECK(deviation(part(dx, row * kWidth, kWidth),
                        rmsnorm_backward_reference(in, weight, gradient)) < kRounding);
        for (std::size_t i = 0; i < kWidth; ++i)
            want_dw[i] += gradient[i] * in[i] * inverse_rms(in);
    }
    CHECK(deviation({dw.begin(), dw.end()}, want_dw) < 1e-5);
}

TEST_CASE("microbench kernels: add, SwiGLU both ways, RoPE") {
    constexpr std::size_t kRows = 5, kWidth = 128;
    const Bits a = drawn(2 * kRows * kWidth, 1, 3), b = drawn(kRows * kWidth, 2);
    Bits sum(b.size()), gated(b.size()), back(a.size()), turned(b.size());
    std::vector<float2> table;
    for (int position = 0; position < 3; ++position)
        for (int i = 0; i < 32; ++i) {
            const double angle = rope_angle(position, i);
            table.push_back(
                {static_cast<float>(std::cos(angle)), static_cast<float>(std::sin(angle))});
        }
    cpu::launch(2, 1, 32, [&] { add(eights(a), eights(b), eights(sum), kRows * kWidth / 8); });
    cpu::launch(2, 1, 32, [&] { swiglu(eights(a), eights(gated), kRows, kWidth / 8); });
    cpu::launch(2, 1, 32,
                [&] { swiglu_backward(eights(a), eights(b), eights(back), kRows, kWidth / 8); });
    cpu::launch(2, 1, 32, [&] { rope(b.data(), table.data(), turned.data(), kRows, kWidth, 3); });
    for (std::size_t row = 0; row < kRows; ++row) {
        const Reals in = part(a, row * 2 * kWidth, 2 * kWidth),
                    other = part(b, row * kWidth, kWidth);
        CHECK(deviation(part(gated, row * kWidth, kWidth), swiglu_reference(in)) < kRounding);
        CHECK(deviation(part(back, row * 2 * kWidth, 2 * kWidth),
                        swiglu_backward_reference(in, other)) < kRounding);
        CHECK(deviation(part(turned, row * kWidth, kWidth),
                        rope_reference(other, static_cast<double>(row % 3))) < kRounding);
        Reals added = part(a, row * kWidth, kWidth);
        for (std::size_t i = 0; i < kWidth; ++i) added[i] += other[i];
        CHECK(deviation(part(sum, row * kWidth, kWidth), added) < kRounding);
    }
}

TEST_CASE("microbench kernels: casts choose the reference's codes, and transposes move them") {
    constexpr std::size_t kRows = 256, kWidth = 128, kCount = kRows * kWidth;
    const Bits x = drawn(kCount, 1, 5);
    alignas(8) std::vector<e4m3> codes(kCount), turned(kCount), again(kCount);
    std::vector<float> scale(kCount / 128), column_scale(kCount / 128);
    Bits back(kCount);
    auto* eight_codes = reinterpret_cast<EightBytes*>(codes.data());
    cpu::launch(2, 1, 64, [&] { cast(eights(x), eight_codes, scale.data(), kCount / 8); });
    cpu::launch(1, 1, 64, [&] { cast_back(eight_codes, scale.data(), eights(back), kCount / 8); });
    cpu::launch(kWidth / kTileColumns, kRows / kTileRows, kTileThreads, [&] {
        cast_transpose(x.data(), turned.data(), column_scale.data(), kRows, kWidth);
    });
    for (const std::size_t block : {std::size_t{0}, std::size_t{7}, kCount / 128 - 1}) {
        std::vector<float> row, column;
        // Scales of columns lie [width, rows / 128].
        const std::size_t c = block / (kRows / 128), first = block % (kRows / 128) * 128;
        for (std::size_t i = 0; i < 128; ++i) {
            row.push_back(bf16_value(x[block * 128 + i]));
            column.push_back(bf16_value(x[(first + i) * kWidth + c]));
        }
        const Quantized by_row = quantize_reference(row), by_column = quantize_reference(column);
        CHECK(scale[block] == Approx(by_row.scale).epsilon(1e-6));
        CHECK(column_scale[block] == Approx(by_column.scale).epsilon(1e-6));
        CHECK(std::equal(by_row.codes.begin(), by_row.codes.end(),
                         codes.begin() + static_cast<long>(block * 128)));
        CHECK(std::equal(by_column.codes.begin(), by_column.codes.end(),
                         turned.begin() + static_cast<long>(block * 128)));
    }
    CHECK(deviation(part(back, 0, kCount), part(x, 0, kCount)) < 0.04);  // three mantissa bits
    cpu::launch(kWidth / kTileColumns, kRows / kTileRows, kTileThreads,
                [&] { weight_transpose(codes.data(), again.data(), kRows, kWidth); });
    bool moved = true;
    for (std::size_t r = 0; r < kRows; ++r)
        for (std::size_t c = 0; c < kWidth; ++c)
            moved = moved && again[c * kRows + r] == codes[r * kWidth + c];
    CHECK(moved);
}

TEST_CASE("microbench kernels: tokens go to their rows and come back weighted") {
    constexpr int kTokens = 5, kCopies = 2, kWidth = 64;
    const std::vector<int> at{7, 0, 3, 9, 1, 8, 2, 5, 6, 4};  // row of each choice
    std::vector<int> from(at.size());
    for (std::size_t i = 0; i < at.size(); ++i)
        from[static_cast<std::size_t>(at[i])] = static_cast<int>(i) / kCopies;
    const std::vector<float> weight{0.5F, 0.25F, 1, 0, 2, -1, 0.5F, 0.5F, 0.125F, 0.75F};
    const Bits x = drawn(kTokens * kWidth, 1);
    Bits rows(at.size() * kWidth), back(x.size());
    cpu::launch(kTokens * kCopies, 1, 32,
                [&] { permute(eights(x), from.data(), eights(rows), kWidth / 8); });
    cpu::launch(kTokens, 1, 32, [&] {
        unpermute(eights(rows), at.data(), weight.data(), eights(back), kWidth / 8, kCopies);
    });
    for (std::size_t t = 0; t < kTokens; ++t) {
        Reals want = part(x, t * kWidth, kWidth);
        for (double& one : want) one *= weight[t * 2] + weight[t * 2 + 1];
        CHECK(deviation(part(back, t * kWidth, kWidth), want) < kRounding);
    }
}

TEST_CASE("microbench kernels: top-k finds the largest, and shares add up to one") {
    constexpr std::size_t kTokens = 4, kExperts = 64;
    std::vector<float> logits(kTokens * kExperts);
    std::mt19937 draw(5);
    for (float& one : logits) one = static_cast<float>(draw() % 1000) / 250 - 2;
    for (std::size_t e = 0; e < kExperts; ++e) logits[e] = 1;  // all equal: the first eight
    std::vector<int> expert(kTokens * kTopK);
    std::vector<float> share(kTokens * kTopK);
    cpu::launch(2, 1, 64,
                [&] { router_topk<2>(logits.data(), expert.data(), share.data(), kTokens); });
    for (std::size_t t = 0; t < kTokens; ++t) {
        const auto begin = static_cast<long>(t * kExperts), first = static_cast<long>(t * kTopK);
        CHECK(topk_reference({logits.begin() + begin, logits.begin() + begin + 64}) ==
              std::vector<int>(expert.begin() + first, expert.begin() + first + 8));
        CHECK(std::accumulate(share.begin() + first, share.begin() + first + 8, 0.0) == Approx(1));
    }
}

TEST_CASE("microbench kernels: the expert map groups choices by expert") {
    constexpr int kExperts = 5, kChoices = 300;
    std::vector<int> expert(kChoices), count(kExperts), taken(kExperts), place(kChoices),
        at(kChoices, -1);
    std::mt19937 draw(9);
    for (int& one : expert) one = static_cast<int>(draw() % kExperts);
    cpu::launch(3, 1, 64, [&] { count_experts(expert.data(), count.data(), kChoices, kExperts); });
    cpu::launch(3, 1, 64, [&] {
        place_choices(expert.data(), count.data(), taken.data(), place.data(), kChoices, kExperts);
    });
    for (std::size_t i = 0; i < place.size(); ++i)
        at.at(static_cast<std::size_t>(place[i])) = expert[i];
    CHECK(std::is_sorted(at.begin(), at.end()));
    CHECK(at.front() == 0);
    CHECK(count == taken);
}

TEST_CASE("microbench kernels: Adam follows its formula in every tensor") {
    // Tensors of 1 ... 8 elements, and one of more than a chunk.
    std::vector<std::vector<float>> g(kTensors), w(kTensors), m(kTensors), v(kTensors);
    std::vector<Bits> half(kTensors);
    AdamTensors all{};
    for (std::size_t t = 0; t < kTensors; ++t) {
        const std::size_t n = t == 3 ? kAdamChunk + 5 : t + 1;
        g[t].assign(n, 0.5F);
        w[t].assign(n, 0.25F * static_cast<float>(t));
        m[t].assign(n, 0.125F);
        v[t].assign(n, 0.5F);
        half[t].assign(n, 0xffff);
        all.gradient[t] = g[t].data(), all.master[t] = w[t].data(), all.moment[t] = m[t].data();
        all.variance[t] = v[t].data(), all.weight[t] = half[t].data();
        all.elements[t] = static_cast<std::int64_t>(n);
        all.first_chunk[t + 1] = all.first_chunk[t] + (t == 3 ? 2 : 1);
    }
    cpu::launch(2, 1, 64, [&] { adam(all, {0.01F, 0.9F, 0.95F, 1e-8F, 0.1F, 0.1F, 0.05F}); });
    // m = 0.9/8 + 0.1/2 = 0.1625, v = 0.475 + 0.0125 = 0.4875; step = 1.625 / sqrt(9.75) = 0.52042
    for (std::size_t t = 0; t < kTensors; ++t) {
        const double before = 0.25 * static_cast<double>(t);
        const double after = before - 0.01 * (0.5204165 + 0.1 * before);
        for (const std::size_t i : {std::size_t{0}, w[t].size() - 1}) {
            CHECK(w[t][i] == Approx(after).epsilon(1e-6));
            CHECK(m[t][i] == Approx(0.1625));
            CHECK(v[t][i] == Approx(0.4875));
            CHECK(half[t][i] == bf16_bits(w[t][i]));
        }
    }
}

TEST_CASE("microbench kernels: attention forward and backward, causal, with shared keys") {
    constexpr int kSequence = 128, kHeads = 2, kDim = 64;
    const CoreShape shape{kSequence, kHeads, 1, 0.125F, true};
    const Bits q = drawn(kSequence * kHeads * kDim, 1), k = drawn(kSequence * kDim, 2),
               v = drawn(kSequence * kDim, 3), dout = drawn(kSequence * kHeads * kDim, 4);
    Bits o(q.size(), 0xffff), dq(q.size()), dk(k.size()), dv(v.size());
    std::vector<float> lse(kSequence * kHeads), delta(lse.size()), sums(q.size());
    cpu::launch(kSequence / kTile, kHeads, kCoreThreads, [&] {
        attention_forward<kDim, kDim>(q.data(), k.data(), v.data(), o.data(), lse.data(), shape);
    });
    cpu::launch(kSequence * kHeads / 2, 1, 64,
                [&] { attention_delta<kDim>(o.data(), dout.data(), delta.data(), shape); });
    cpu::launch(kSequence / kTile, 1, kCoreThreads, [&] {
        attention_backward<kDim, kDim>(q.data(), k.data(), v.data(), dout.data(), lse.data(),
                                       delta.data(), sums.data(), dk.data(), dv.data(), shape);
    });
    cpu::launch(1, 1, 32, [&] {
        narrow(reinterpret_cast<const float4*>(sums.data()), eights(dq),
               static_cast<std::int64_t>(sums.size() / 8));
    });
    Reals want_o, want_dq, want_dk(k.size(), 0.0), want_dv(v.size(), 0.0);
    for (std::size_t row = 0; row < kSequence; ++row)
        for (std::size_t head = 0; head < kHeads; ++head) {
            const std::size_t at = (row * kHeads + head) * kDim;
            const Reals query = part(q, at, kDim), gradient = part(dout, at, kDim);
            const Reals keys = part(k, 0, (row + 1) * kDim), values = part(v, 0, (row + 1) * kDim);
            const AttentionRow one = attention_reference(query, keys, values, 0.125);
            const Reals own = query_gradient_reference(query, keys, values, gradient, 0.125);
            want_o.insert(want_o.end(), one.out.begin(), one.out.end());
            want_dq.insert(want_dq.end(), own.begin(), own.end());
            CHECK(lse[head * kSequence + row] == Approx(one.lse).margin(1e-3));
            const double dot =
                std::inner_product(gradient.begin(), gradient.end(), one.out.begin(), 0.0);
            for (std::size_t key = 0; key <= row; ++key) {
                Reals key_part(kDim, 0.0), value_part(kDim, 0.0);
                key_gradient_reference(query, part(k, key * kDim, kDim), part(v, key * kDim, kDim),
                                       gradient, one.lse, dot, 0.125, key_part, value_part);
                for (std::size_t i = 0; i < kDim; ++i) {
                    want_dk[key * kDim + i] += key_part[i];
                    want_dv[key * kDim + i] += value_part[i];
                }
            }
        }
    // Probabilities and score gradients are rounded to BF16 once more on the way.
    CHECK(deviation(part(o, 0, o.size()), want_o) < 2 * kRounding);
    CHECK(deviation(part(dq, 0, dq.size()), want_dq) < 2 * kRounding);
    CHECK(deviation(part(dk, 0, dk.size()), want_dk) < 2 * kRounding);
    CHECK(deviation(part(dv, 0, dv.size()), want_dv) < 2 * kRounding);
}
