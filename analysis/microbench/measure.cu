#include "analysis/microbench/measure.cuh"
#include "analysis/microbench/timing.cuh"

namespace moesim::microbench {
namespace {

Prepared prepare(const Case& what, Context& on) {
    if (what.op == "gemm") return prepare_gemm(what, on);
    if (what.op == "grouped_gemm") return prepare_grouped_gemm(what, on);
    if (what.op == "attention") return prepare_attention(what, on);
    const std::string& kernel = what.kernel;
    if (kernel.starts_with("rmsnorm")) return prepare_norm(what, on);
    if (kernel.starts_with("cast") || kernel == "weight_transpose") return prepare_cast(what, on);
    if (kernel.ends_with("permute") || kernel == "router_topk" || kernel == "expert_map")
        return prepare_tokens(what, on);
    if (kernel == "adam") return prepare_adam(what, on);
    if (kernel == "copy") return prepare_copy(what, on);
    return prepare_elementwise(what, on);
}

}  // namespace

double first_run(const Prepared& prepared, Context& on) {
    check(cudaStreamSynchronize(on.stream), "preparing");
    prepared.launch(on.stream, 0);
    check(cudaGetLastError(), "launching");
    check(cudaStreamSynchronize(on.stream), "running");
    return prepared.check();
}

std::vector<Measurement> measure(const Case& what, Context& on) {
    Measurement row;
    row.machine = on.machine;
    row.what = what;
    on.release_all();
    try {
        if (what.op == "launch") return {measure_launch(what, on)};
        if (what.sms_held > 0) return measure_contention(what, on);
        const Prepared prepared = prepare(what, on);
        row.library = prepared.library;
        row.note = prepared.note;
        row.rel_error = first_run(prepared, on);
        if (!(row.rel_error <= prepared.tolerance)) {
            row.status = "wrong";
            if (!(row.rel_error >= 0)) row.rel_error = -1, row.note = "result is no number";
            return {row};
        }
        row.time = time_on_device(on, prepared.launch, prepared.sets);
        row.clock_mhz = clock_mhz(on);
    } catch (const Unsupported& e) {
        check(cudaDeviceSynchronize(), "after a refusal");
        row.status = "unsupported";
        row.note = e.what();
        row.rel_error = -1;
        row.time = {};
    }
    return {row};
}

}  // namespace moesim::microbench
