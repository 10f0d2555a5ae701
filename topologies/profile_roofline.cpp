#include "topologies/profile_data.hpp"

namespace moesim::topologies {
namespace {

TransferForm typical(double startup_s, int sms) {
    TransferForm form;
    form.bytes = {1, 1e6};
    form.nic_share = {0.85, 0.85};
    form.nvlink_share = {0.75, 0.75};
    form.cost.startup_s = startup_s;
    form.cost.slowdown = 1.3;
    form.cost.sms = sms;
    form.cost.rel_error = 0.3;
    return form;
}

}  // namespace

/// All shares are assumed: what well-tuned kernels reach of the data sheet on today's devices.
Profile::Impl roofline_profile() {
    Profile::Impl out;
    out.source =
        "assumed: bf16 0.75 and fp8 0.65 of peak, attention 0.5, memory-bound 0.8 of bandwidth; "
        "NIC 0.85, NVLink 0.75 of nominal";
    out.gemm["bf16"] = {.share = 0.75, .extra_depth = 128, .floor_s = 3e-6};
    for (const char* format : {"fp8", "fp8_block", "mxfp8", "fp4", "nvfp4"})
        out.gemm[format] = {.share = 0.65, .extra_depth = 256, .floor_s = 3e-6};
    for (auto& [format, form] : out.gemm) form.weight_gradient_rate = 0.9;
    out.attention = {.share = 0.5, .extra_sequence = 512, .floor_s = 5e-6, .backward_rate = 0.8};
    out.memory = {.share = 0.8, .floor_s = 2e-6};
    out.gemm_contention = {1.15, 0.1};
    out.attention_contention = {1.15, 0.1};
    out.memory_contention = {1.15, 0.1};
    for (const char* name :
         {"deepep.dispatch", "deepep.dispatch_cached", "deepep.combine", "deepep.combine_gradient"})
        out.transfers[name] = typical(60e-6, 20);
    for (const char* name : {"hybridep.dispatch", "hybridep.combine", "nvlink.dispatch",
                             "nvlink.combine", "deepep_ll.dispatch", "deepep_ll.combine"})
        out.transfers[name] = typical(40e-6, 16);
    for (const char* name : {"nccl.alltoall", "nccl.reduce_scatter", "nccl.all_gather",
                             "nccl.all_reduce", "nccl.broadcast"})
        out.transfers[name] = typical(20e-6, 16);
    out.transfers["p2p"] = typical(10e-6, 2);
    return out;
}

}  // namespace moesim::topologies
