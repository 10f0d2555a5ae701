#include "analysis/microbench/context.cuh"
#include "analysis/microbench/reference.hpp"

namespace moesim::microbench {

/// m x out values from one place of the device's memory to another, by the runtime's own copy.
Prepared prepare_copy(const Case& what, Context& on) {
    struct Data {
        std::uint16_t *from, *to;
    };
    const std::int64_t n = what.m * what.out;
    Prepared out;
    out.sets = on.sets(static_cast<double>(what.bytes));
    std::vector<Data> sets;
    for (int i = 0; i < out.sets; ++i) {
        const Data d{on.take<std::uint16_t>(n), on.take<std::uint16_t>(n)};
        fill_bf16(d.from, n, 1, 1.0f, on.stream);
        poison(d.to, n * 2, on.stream);
        sets.push_back(d);
    }
    out.launch = [=](cudaStream_t stream, int set) {
        const Data& d = sets[static_cast<std::size_t>(set)];
        check(cudaMemcpyAsync(d.to, d.from, static_cast<std::size_t>(n) * 2,
                              cudaMemcpyDeviceToDevice, stream),
              "copying");
    };
    out.check = [=] {
        Deviation deviation;
        for (const std::int64_t row : sample_rows(what.m)) {
            const auto a = reals(fetch(sets[0].from + row * what.out, what.out));
            const auto b = reals(fetch(sets[0].to + row * what.out, what.out));
            for (std::size_t i = 0; i < a.size(); ++i) deviation.add(b[i], a[i]);
        }
        return deviation.relative();
    };
    out.library = "cudaMemcpyAsync";
    return out;
}

}  // namespace moesim::microbench
