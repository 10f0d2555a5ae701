#include <map>
#include <memory>

#include "analysis/microbench/expert_rows.hpp"
#include "analysis/microbench/product.cuh"

namespace moesim::microbench {
namespace {

/// One expert: its product and where its operands lie.
struct Group {
    Product of;
    Scales scales;
    std::shared_ptr<LtProduct> planned;
    std::uint8_t *a, *b, *d;
};

/// Fork from the stream to the side streams and back: what is enqueued between is one execution.
struct Fork {
    std::vector<cudaEvent_t> events;
    explicit Fork(int n) : events(static_cast<std::size_t>(n)) {
        for (cudaEvent_t& one : events)
            check(cudaEventCreateWithFlags(&one, cudaEventDisableTiming), "an event");
    }
    ~Fork() {
        for (cudaEvent_t one : events) cudaEventDestroy(one);
    }
};

}  // namespace

/// A linear layer of each expert here: one product per expert, dealt out to four streams, as
/// Transformer Engine's grouped linear layer does with cuBLASLt.
Prepared prepare_grouped_gemm(const Case& what, Context& on) {
    Prepared out;
    out.library = on.cublas;
    out.note = "one product per group on 4 streams";
    const std::vector<std::int64_t> rows = expert_rows(what.m, what.groups, what.skew);
    std::vector<Group> groups;
    std::map<std::int64_t, std::shared_ptr<LtProduct>> plans;
    // No data sets to take turns: all experts together are larger than the cache but for the
    // smallest.
    for (std::int64_t m : rows) {
        if (what.dtype != "bf16") m = (m + 15) / 16 * 16;  // 8-bit operands come in sixteens
        if (m == 0) continue;
        Group g;
        g.of = product_of(what, m);
        g.scales = make_scales(g.of, on);
        // Scales are constants for the whole tensor, so products of equal rows may share a plan.
        auto& plan = plans[m];
        if (!plan) plan = std::make_shared<LtProduct>(g.of, g.scales, on);
        g.planned = plan;
        g.a = on.take<std::uint8_t>(g.of.a_elements() * g.of.element_bytes());
        g.b = on.take<std::uint8_t>(g.of.b_elements() * g.of.element_bytes());
        g.d = on.take<std::uint8_t>(g.of.d_bytes());
        const auto seed = static_cast<unsigned>(2 * groups.size());
        fill_operand(g.a, g.of, g.of.a_elements(), seed, on.stream);
        fill_operand(g.b, g.of, g.of.b_elements(), seed + 1, on.stream);
        if (g.of.accumulate)
            check(cudaMemsetAsync(g.d, 0, static_cast<std::size_t>(g.of.d_bytes()), on.stream),
                  "zeroing");
        else
            poison(g.d, g.of.d_bytes(), on.stream);
        groups.push_back(g);
    }
    const auto fork = std::make_shared<Fork>(1 + kSideStreams);
    const std::vector<cudaStream_t> side = on.side;
    const std::vector<void*> workspaces = on.workspaces;
    out.launch = [=](cudaStream_t stream, int) {
        check(cudaEventRecord(fork->events[0], stream), "fork");
        for (cudaStream_t one : side) check(cudaStreamWaitEvent(one, fork->events[0], 0), "fork");
        for (std::size_t i = 0; i < groups.size(); ++i) {
            const Group& g = groups[i];
            const std::size_t lane = i % side.size();
            g.planned->enqueue(side[lane], g.a, g.b, g.d, workspaces[1 + lane]);
        }
        for (std::size_t lane = 0; lane < side.size(); ++lane) {
            check(cudaEventRecord(fork->events[1 + lane], side[lane]), "join");
            check(cudaStreamWaitEvent(stream, fork->events[1 + lane], 0), "join");
        }
    };
    out.check = [=, &on] {
        double worst = 0;
        for (const Group* g : {&groups.front(), &groups.back()}) {
            const double error = product_error(g->of, g->scales, g->a, g->b, g->d, on);
            if (!(error <= worst)) worst = error;
        }
        return worst;
    };
    out.tolerance = what.dtype == "bf16" ? 0.01 : 0.05;  // as in run_gemm.cu
    return out;
}

}  // namespace moesim::microbench
