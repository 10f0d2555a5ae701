#include "tests/analysis/importers/samples.hpp"

namespace {

using namespace moesim::analysis;
using namespace moesim::analysis::samples;

const std::string kNccl =
    "# nThread 1 nGpus 1 minBytes 8 maxBytes 16 step: 2(factor) warmup iters: 5 iters: 20\n"
    "#\n# Using devices\n"
    "#  Rank  0 Group  0 Pid  211 on node-a device  0 [0x1b] NVIDIA H100 80GB HBM3\n"
    "#  Rank  1 Group  0 Pid  212 on node-b device  0 [0x1b] NVIDIA H100 80GB HBM3\n"
    "#\n"
    "#                                                      out-of-place        in-place\n"
    "#       size         count      type   redop    root     time   algbw   busbw #wrong     time"
    "   algbw   busbw #wrong\n"
    "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)"
    "  (GB/s)  (GB/s)\n"
    "     8388608       2097152     float     sum      -1    98.40   85.25   85.25      0    97.10"
    "   86.39   86.39      0\n"
    "    16777216       4194304     float     sum      -1   150.2   111.7   111.7      0   149.0"
    "   112.6   112.6      0\n"
    "# Out of bounds values : 0 OK\n# Avg bus bandwidth    : 98.9\n";

TEST_CASE("nccl-tests: out-of-place times, with ranks and nodes from the header") {
    const Import import = imported("nccl-tests", kNccl, {}, "logs/all_reduce_perf.txt");
    REQUIRE(import.measurements.size() == 2);
    const auto& call = std::get<CollectiveCall>(import.measurements[0].what);
    CHECK(call.collective == "nccl.all_reduce");
    CHECK(call.bytes == 8388608);
    CHECK(call.ranks == 2);
    CHECK(call.nodes == 2);
    CHECK(import.measurements[0].seconds == Approx(98.4e-6));
}

TEST_CASE("nccl-tests: a cut row is rejected, and what is no log at all is refused") {
    const Import cut =
        imported("nccl-tests", kNccl.substr(0, kNccl.find("4194304") + 8), {}, "all_reduce.txt");
    CHECK(cut.measurements.size() == 1);
    CHECK(cut.rejected.size() == 1);
    CHECK_THAT(complaint("nccl-tests", ""), Catch::Contains("no row of an nccl-tests table"));
    CHECK_THAT(complaint("nccl-tests", kNccl, "log.txt"),
               Catch::Contains("log.txt:10:1") && Catch::Contains("which collective"));
    CHECK_THAT(complaint("nccl-tests", "1 2 3\n"), Catch::Contains("before the line with"));
    CHECK_THAT(complaint("nccl-tests", std::string(1000, '\xfe')), Catch::Contains("no row"));
}

TEST_CASE("deepep: the best setting of dispatch and combine") {
    const Import import = imported(
        "deepep",
        "[config] num_tokens=4096, hidden=7168, num_topk_groups=4, num_topk=8\n"
        "[tuning] SMs 24, NVL chunk 8, RDMA chunk 4: 40.1 GB/s (RDMA), 131.2 GB/s (NVL), t: 2900 "
        "us\n"
        "[tuning] Best dispatch (FP8): SMs 24, NVL chunk 20, RDMA chunk 8, 58.5 GB/s (RDMA), "
        "190.9 GB/s (NVL), 2123.4 us\n"
        "[tuning] Best combine: SMs 24, NVL chunk 4, RDMA chunk 16: 57.1 GB/s (RDMA), 186 GB/s "
        "(NVL), 4100.5 us\n");
    REQUIRE(import.measurements.size() == 2);
    const auto& call = std::get<CollectiveCall>(import.measurements[0].what);
    CHECK(call.collective == "deepep.dispatch");
    // 58.5 GB/s for 2123.4 us.
    CHECK(call.bytes == Approx(58.5e9 * 2123.4e-6));
    CHECK(import.measurements[1].seconds == Approx(4100.5e-6));
    CHECK(import.rejected.at("not the best setting, or of another rank").rows == 1);
    CHECK_THAT(complaint("deepep", "nothing\n"), Catch::Contains("no result of a DeepEP test"));
    CHECK_THAT(complaint("deepep", "[tuning] Best dispatch (FP8): 58.5 GB/s"),
               Catch::Contains("no result"));
}

}  // namespace
