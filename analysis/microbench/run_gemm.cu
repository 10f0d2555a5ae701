#include <memory>

#include "analysis/microbench/product.cuh"

namespace moesim::microbench {

/// One linear layer, one pass.
Prepared prepare_gemm(const Case& what, Context& on) {
    struct Data {
        std::uint8_t *a, *b, *d;
    };
    const Product p = product_of(what, what.m);
    const Scales scales = make_scales(p, on);
    const int target =
        what.sms_held > 0 ? std::max(1, on.properties.multiProcessorCount - what.sms_held) : 0;
    const auto planned = std::make_shared<LtProduct>(p, scales, on, target);
    Prepared out;
    out.library = on.cublas;
    out.sets = on.sets(bytes(what));
    std::vector<Data> sets;
    for (int i = 0; i < out.sets; ++i) {
        const Data d{on.take<std::uint8_t>(p.a_elements() * p.element_bytes()),
                     on.take<std::uint8_t>(p.b_elements() * p.element_bytes()),
                     on.take<std::uint8_t>(p.d_bytes())};
        fill_operand(d.a, p, p.a_elements(), 1, on.stream);
        fill_operand(d.b, p, p.b_elements(), 2, on.stream);
        if (p.accumulate)
            check(cudaMemsetAsync(d.d, 0, static_cast<std::size_t>(p.d_bytes()), on.stream),
                  "zeroing");
        else
            poison(d.d, p.d_bytes(), on.stream);
        sets.push_back(d);
    }
    void* workspace = on.workspaces[0];
    out.launch = [=](cudaStream_t stream, int set) {
        const Data& d = sets[static_cast<std::size_t>(set)];
        planned->enqueue(stream, d.a, d.b, d.d, workspace);
    };
    out.check = [=, &on] { return product_error(p, scales, sets[0].a, sets[0].b, sets[0].d, on); };
    out.tolerance = what.dtype == "bf16" ? 0.01 : 0.05;  // FP8 tensor cores keep few bits of a sum
    return out;
}

}  // namespace moesim::microbench
