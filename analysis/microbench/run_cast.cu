#include "analysis/microbench/context.cuh"
#include "analysis/microbench/kernels/cast.cuh"
#include "analysis/microbench/reference.hpp"

namespace moesim::microbench {
namespace {

struct Data {
    bf16* wide;
    e4m3 *codes, *turned;
    float* scale;
};

/// 128 values of set 0 that share scale `block`: along a row, or down a column when transposed.
Reals shared(const Data& d, bool transposed, std::int64_t block, std::int64_t rows,
             std::int64_t width) {
    if (!transposed) return reals(fetch(d.wide + block * 128, 128));
    const std::int64_t column = block / (rows / 128), row = block % (rows / 128) * 128;
    return reals(fetch_rows(d.wide + row * width + column, 128, 1, width));
}

/// Codes and scales against the reference, as values.
double cast_error(const Data& d, bool transposed, std::int64_t rows, std::int64_t width) {
    Deviation deviation;
    for (const std::int64_t block : sample_rows(rows * width / 128)) {
        const Reals values = shared(d, transposed, block, rows, width);
        const double scale = fetch(d.scale + block, 1)[0];
        const auto codes = fetch((transposed ? d.turned : d.codes) + block * 128, 128);
        const Quantized want = quantize_reference({values.begin(), values.end()});
        for (std::size_t i = 0; i < 128; ++i)
            deviation.add(e4m3_value(codes[i]) * scale, e4m3_value(want.codes[i]) * want.scale);
    }
    return deviation.relative();
}

}  // namespace

/// cast, cast_back, cast_transpose, weight_transpose: m rows of `out` values.
Prepared prepare_cast(const Case& what, Context& on) {
    const std::string kernel = what.kernel;
    const std::int64_t rows = what.m, n = what.m * what.out;
    const int width = static_cast<int>(what.out);
    Prepared out;
    out.sets = on.sets(static_cast<double>(what.bytes));
    const int blocks = static_cast<int>(std::min<std::int64_t>(on.blocks(), (n / 8 + 255) / 256));
    std::vector<Data> sets;
    for (int i = 0; i < out.sets; ++i) {
        Data d{};
        if (kernel != "weight_transpose") {
            d.wide = on.take<bf16>(n);
            d.scale = on.take<float>(n / 128);
            fill_bf16(d.wide, n, 1, 2.0f, on.stream);
        }
        if (kernel != "cast_transpose") d.codes = on.take<e4m3>(n);
        if (kernel == "cast_transpose" || kernel == "weight_transpose") d.turned = on.take<e4m3>(n);
        if (kernel == "weight_transpose") fill_e4m3(d.codes, n, 1, 2.0f, on.stream);
        if (kernel == "cast_back") {
            fill_e4m3(d.codes, n, 1, 448.0f, on.stream);
            fill_fp32(d.scale, n / 128, 2, 1.0f, on.stream);
            poison(d.wide, n * 2, on.stream);
        }
        if (kernel == "cast") poison(d.codes, n, on.stream);
        if (d.turned != nullptr) poison(d.turned, n, on.stream);
        sets.push_back(d);
    }
    const dim3 tiles(static_cast<unsigned>(width / kTileColumns),
                     static_cast<unsigned>(rows / kTileRows));
    out.launch = [=](cudaStream_t stream, int set) {
        const Data& d = sets[static_cast<std::size_t>(set)];
        auto* wide = reinterpret_cast<Eight*>(d.wide);
        auto* codes = reinterpret_cast<EightBytes*>(d.codes);
        if (kernel == "cast")
            cast<<<blocks, 256, 0, stream>>>(wide, codes, d.scale, n / 8);
        else if (kernel == "cast_back")
            cast_back<<<blocks, 256, 0, stream>>>(codes, d.scale, wide, n / 8);
        else if (kernel == "cast_transpose")
            cast_transpose<<<tiles, kTileThreads, 0, stream>>>(d.wide, d.turned, d.scale, rows,
                                                               width);
        else
            weight_transpose<<<tiles, kTileThreads, 0, stream>>>(d.codes, d.turned, rows, width);
    };
    out.check = [=] {
        const Data& d = sets[0];
        if (kernel == "cast" || kernel == "cast_transpose")
            return cast_error(d, kernel == "cast_transpose", rows, width);
        Deviation deviation;
        for (const std::int64_t row : sample_rows(rows)) {
            const auto codes = fetch(d.codes + row * width, width);
            if (kernel == "weight_transpose") {
                const auto turned = fetch_rows(d.turned + row, width, 1, rows);
                for (std::size_t i = 0; i < codes.size(); ++i)
                    deviation.add(e4m3_value(turned[i]), e4m3_value(codes[i]));
                continue;
            }
            const Reals got = reals(fetch(d.wide + row * width, width));
            const auto scale = fetch(d.scale + row * width / 128, width / 128);
            for (std::size_t i = 0; i < codes.size(); ++i)
                deviation.add(got[i], static_cast<double>(e4m3_value(codes[i])) * scale[i / 128]);
        }
        return deviation.relative();
    };
    out.tolerance = 0.02;  // a value on the edge of two codes may go either way
    return out;
}

}  // namespace moesim::microbench
