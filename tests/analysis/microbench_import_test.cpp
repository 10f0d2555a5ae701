#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>

#include "analysis/importers/importer.hpp"
#include "analysis/microbench/trace_row.hpp"

using namespace moesim;
using microbench::Case;

namespace {

/// What the importer makes of the trace that the benchmark would write.
analysis::Import imported(const std::vector<microbench::Measurement>& rows) {
    std::string text = std::string(microbench::kFirstLine) + "\n" + microbench::header() + "\n";
    for (const auto& row : rows) text += microbench::write_row(row) + "\n";
    analysis::Import out;
    sim::Registry<analysis::Importer>::make("trace")->read("x.csv", text, {}, out);
    return out;
}

microbench::Measurement measured(const Case& what, const std::string& library) {
    microbench::Measurement row;
    row.machine = {"NVIDIA X", "13.0", "13.0"};
    row.library = library;
    row.what = what;
    row.time = {25, 100e-6, 99e-6, 101e-6};
    return row;
}

Case gemm() {
    Case what;
    what.op = "gemm";
    what.pass = "weight_gradient";
    what.dtype = "fp8_block";
    what.m = 4096;
    what.out = 7168;
    what.in = 2048;
    what.groups = 1;
    return what;
}

Case attention() {
    Case what;
    what.op = "attention";
    what.pass = "forward";
    what.dtype = "bf16";
    what.batch = 1;
    what.heads = 32;
    what.kv_heads = 4;
    what.sequence = 4096;
    what.qk_dim = what.v_dim = 128;
    what.causal = true;
    return what;
}

}  // namespace

TEST_CASE("microbench import: a trace as the benchmark writes it arrives as it was meant") {
    Case held = gemm();
    held.kernel = "beside_copy";
    held.sms_held = 20;
    const auto out =
        imported({measured(gemm(), "cublasLt 13.1.0"), measured(held, "cublasLt 13.1.0")});
    REQUIRE(out.measurements.size() == 2);
    CHECK(out.read == 2);
    CHECK(out.rejected.empty());
    int contended = 0;
    for (const analysis::Measurement& one : out.measurements) {
        const auto& q = std::get<topologies::Gemm>(one.what);
        CHECK(q.pass == topologies::Pass::weight_gradient);
        CHECK(q.format == "fp8_block");
        CHECK(q.m == 4096);
        CHECK(q.out == 7168);
        CHECK(q.in == 2048);
        CHECK(one.seconds == Approx(100e-6));
        contended += one.contended ? 1 : 0;
    }
    CHECK(contended == 1);
}

TEST_CASE("microbench import: what came out wrong or was refused is no measurement") {
    auto wrong = measured(gemm(), "cublasLt 13.1.0"), refused = wrong;
    wrong.status = "wrong";
    refused.status = "unsupported";
    refused.time = {};
    const auto out = imported({wrong, refused});
    CHECK(out.measurements.empty());
    CHECK(out.rejected.size() == 2);
}

TEST_CASE("microbench import: the benchmark's own attention kernel is no cost of a tuned one") {
    CHECK(imported({measured(attention(), "own plain")}).measurements.empty());
    const auto tuned = imported({measured(attention(), "cuDNN 9")});
    REQUIRE(tuned.measurements.size() == 1);
    CHECK(std::get<topologies::AttentionCore>(tuned.measurements.front().what).kv_heads == 4);
}
