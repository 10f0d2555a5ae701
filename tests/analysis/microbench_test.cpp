#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>

#include "analysis/microbench/expert_rows.hpp"
#include "analysis/microbench/options.hpp"
#include "analysis/microbench/plan.hpp"
#include "analysis/microbench/sampling.hpp"
#include "analysis/microbench/trace_file.hpp"
#include "analysis/microbench/trace_row.hpp"
#include "analysis/microbench/training_shapes.hpp"

using namespace moesim::microbench;
namespace fs = std::filesystem;

namespace {

/// A folder of its own, gone at the end.
struct Folder {
    Folder() {
        std::string name = (fs::temp_directory_path() / "microbench-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Folder() { fs::remove_all(path); }
    fs::path path;
};

std::string text_of(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

Measurement gemm_row() {
    Measurement row;
    row.machine = {"NVIDIA H200", "13.0", "13.0"};
    row.library = "cublasLt 13.1.0";
    row.what.op = "gemm";
    row.what.pass = "forward";
    row.what.dtype = "bf16";
    row.what.m = 4096;
    row.what.out = 7168;
    row.what.in = 2048;
    row.what.groups = 1;
    row.time = {25, 166.5e-6, 165.25e-6, 168.5e-6};
    row.clock_mhz = 1755;
    row.rel_error = 0.002;
    return row;
}

}  // namespace

TEST_CASE("microbench: a row reads back as it was written, by column name") {
    const Measurement row = gemm_row();
    const std::string line = write_row(row);
    CHECK(line ==
          "NVIDIA H200,13.0,13.0,cublasLt 13.1.0,gemm,,forward,bf16,4096,7168,2048,1,,,,,,,,,,,,25,"
          "166.5,165.25,168.5,1755,0.002,ok,");
    CHECK(read_row(columns(), line).what == row.what);
    CHECK(read_row(columns(), line).time.median == Approx(166.5e-6));
    // A later version may add a column and order them otherwise.
    std::vector<std::string> names = columns();
    names.insert(names.begin(), "weather");
    CHECK(read_row(names, "fair," + line).what == row.what);
}

TEST_CASE("microbench: an attention row keeps causal = 0 apart from an empty field") {
    Measurement row;
    row.machine.device = "X";
    row.what.op = "attention";
    row.what.pass = "forward";
    row.what.batch = 1;
    row.what.heads = 8;
    row.what.kv_heads = 1;
    row.what.sequence = 2048;
    row.what.qk_dim = row.what.v_dim = 128;
    CHECK(write_row(row).find(",128,128,0,") != std::string::npos);
    CHECK(read_row(columns(), write_row(row)) == row);
    row.what.causal = true;
    CHECK(write_row(row).find(",128,128,1,") != std::string::npos);
    CHECK(read_row(columns(), write_row(row)) == row);
    CHECK(write_row(gemm_row()).find(",,25,") != std::string::npos);
}

TEST_CASE("microbench: text that would break a line is made harmless") {
    Measurement row = gemm_row();
    row.note = "a,b\"c\nd";
    CHECK(read_row(columns(), write_row(row)).note == "a;b;c d");
}

TEST_CASE("microbench: a number that is none is refused with its column") {
    std::string line = write_row(gemm_row());
    for (const std::string bad : {"nan", "-1", "1e400", "12x", "inf"}) {
        std::string changed = line;
        changed.replace(changed.find("166.5"), 5, bad);
        CHECK_THROWS_WITH(read_row(columns(), changed),
                          Catch::Contains("column median_us: '" + bad));
    }
    CHECK_THROWS_WITH(read_row(columns(), line + ",more"), Catch::Contains("32 fields under 31"));
}

TEST_CASE("microbench: a second run skips what is measured and repeats what failed") {
    const Folder folder;
    const fs::path path = folder.path / "traces" / "x.csv";
    Measurement failed = gemm_row();
    failed.what.m = 8192;
    failed.status = "wrong";
    {
        TraceFile trace(path);
        CHECK_FALSE(trace.has("NVIDIA H200", gemm_row().what));
        trace.append(gemm_row());
        trace.append(failed);
        CHECK(trace.has("NVIDIA H200", gemm_row().what));
    }
    const TraceFile again(path);
    CHECK(again.has("NVIDIA H200", gemm_row().what));
    CHECK_FALSE(again.has("NVIDIA H100", gemm_row().what));
    CHECK_FALSE(again.has("NVIDIA H200", failed.what));
    CHECK(again.failed("NVIDIA H200", failed.what));
    CHECK_FALSE(again.failed("NVIDIA H200", gemm_row().what));
    CHECK(read_trace(path).size() == 2);
    CHECK(left_of({gemm_row().what, failed.what}, path) == std::vector<Case>{failed.what});
    CHECK(left_of({gemm_row().what}, folder.path / "none.csv").size() == 1);
}

TEST_CASE("microbench: a trace cut at any byte is taken up again without losing a whole line") {
    const Folder folder;
    const fs::path path = folder.path / "x.csv";
    const std::string row = write_row(gemm_row()) + "\n";
    const std::string head = std::string(kFirstLine) + "\n" + header() + "\n";
    const std::string whole = head + row + row;
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
        write(path, whole.substr(0, cut));
        TraceFile trace(path);
        trace.append(gemm_row());
        // Complete rows before the cut, and the new one.
        const std::size_t kept = cut < head.size() + row.size() ? 0 : cut < whole.size() ? 1 : 2;
        INFO("cut at " << cut);
        std::string expected = head + row;
        for (std::size_t i = 0; i < kept; ++i) expected += row;
        REQUIRE(text_of(path) == expected);
    }
}

TEST_CASE("microbench: a file that is no trace is refused with its line and left alone") {
    const Folder folder;
    const fs::path path = folder.path / "x.csv";
    write(path, "a,b\n1,2\n");
    CHECK_THROWS_WITH(TraceFile(path), Catch::Contains("x.csv:1: a trace begins with"));
    CHECK(text_of(path) == "a,b\n1,2\n");
    write(path, std::string(kFirstLine) + "\ndevice,driver\n");
    CHECK_THROWS_WITH(TraceFile(path),
                      Catch::Contains("x.csv:2: the header lacks the column 'cuda'"));
    write(path, std::string(kFirstLine) + "\n" + header() + "\n# fine\nx,y\n");
    CHECK_THROWS_WITH(read_trace(path), Catch::Contains("x.csv:4: 2 fields under 31 columns"));
}

TEST_CASE("microbench: no two cases of a plan have the same key, and each is complete") {
    for (const int capability : {80, 90, 100}) {
        std::set<std::string> keys;
        for (const Case& one : plan(capability)) {
            INFO(describe(one));
            CHECK(keys.insert(key("X", one)).second);
            CHECK(bytes(one) >= (one.op == "launch" ? 0 : 1));
            CHECK(flop(one) <= 1.2e13);
            if (one.op == "grouped_gemm") CHECK(one.skew <= one.groups);
            if (one.dtype == "fp8") CHECK(capability >= 89);
            if (one.dtype == "fp8_block") CHECK(capability == 90);
            // What cuBLASLt asks of 8-bit operands: dimensions in steps of 16, scales of 128.
            if (one.op == "gemm") CHECK((one.m % 16 == 0 && one.out % 16 == 0 && one.in % 16 == 0));
        }
    }
}

TEST_CASE("microbench: every op is planned, with all three passes where there are three") {
    std::set<std::string> seen;
    for (const Case& one : plan(90))
        seen.insert(one.op + "." +
                    (one.op == "memory" || one.op == "launch" ? one.kernel : one.pass) +
                    (one.sms_held > 0 ? ".held" : ""));
    for (const char* expected : {"gemm.forward",          "gemm.input_gradient",
                                 "gemm.weight_gradient",  "gemm.forward.held",
                                 "grouped_gemm.forward",  "grouped_gemm.weight_gradient",
                                 "attention.forward",     "attention.input_gradient",
                                 "memory.permute",        "memory.unpermute",
                                 "memory.swiglu",         "memory.rmsnorm",
                                 "memory.rope",           "memory.cast",
                                 "memory.cast_transpose", "memory.router_topk",
                                 "memory.adam",           "memory.copy",
                                 "launch.host_issue",     "launch.launch_gap"})
        CHECK(seen.count(expected) == 1);
    std::set<std::int64_t> rows;
    for (const Case& one : plan(90))
        if (one.op == "gemm") rows.insert(one.m);
    CHECK(*rows.begin() == 512);
    CHECK(*rows.rbegin() == 32768);
}

TEST_CASE("microbench: the whole plan takes less than eight minutes by its own estimate") {
    double seconds = 0;
    for (const Case& one : plan(90)) seconds += seconds_to_measure(one);
    CHECK(seconds < 480);
    CHECK(Options{}.budget_s < 480);
}

TEST_CASE("microbench: the shapes hold DeepSeek-V3's routed expert and Mixtral's") {
    const auto experts = expert_layers();
    for (const Linear& layer : {Linear{4096, 7168}, Linear{7168, 2048}, Linear{28672, 4096}})
        CHECK(std::count(experts.begin(), experts.end(), layer) == 1);
    // Qwen3-235B: 64 + 2 x 4 heads of 128 from 4,096.
    const auto dense = dense_layers();
    CHECK(std::count(dense.begin(), dense.end(), Linear{9216, 4096}) == 1);
}

TEST_CASE("microbench: rows of experts keep their sum and reach the skew that was asked for") {
    for (const double skew : {1.0, 1.5, 2.0, 4.0, 8.0}) {
        const auto rows = expert_rows(512, 8, skew);
        CHECK(std::accumulate(rows.begin(), rows.end(), std::int64_t{0}) == 512 * 8);
        CHECK(static_cast<double>(rows.front()) == Approx(512 * skew).margin(1));
        CHECK(std::is_sorted(rows.rbegin(), rows.rend()) == true);
        CHECK(rows.back() >= 0);
    }
    CHECK(expert_rows(512, 8, 1) == std::vector<std::int64_t>(8, 512));
    CHECK_THROWS_AS(expert_rows(512, 8, 9), std::invalid_argument);
    CHECK_THROWS_AS(expert_rows(512, 8, std::nan("")), std::invalid_argument);
    CHECK_THROWS_AS(expert_rows(0, 8, 1), std::invalid_argument);
}

TEST_CASE("microbench: percentiles lie between samples") {
    // 1 ... 11: the median is the sixth, the tenth percentile the second.
    std::vector<double> samples{11, 3, 5, 7, 9, 1, 2, 4, 6, 8, 10};
    const Spread s = spread(samples);
    CHECK(s == Spread{11, 6, 2, 10});
    CHECK(spread({1, 2}).median == Approx(1.5));
    CHECK(spread({}) == Spread{});
}

TEST_CASE("microbench: short kernels are sampled in bunches that use all data sets equally") {
    for (const int sets : {1, 3, 16})
        for (const double once : {1e-9, 2e-6, 1e-4, 0.5}) {
            const Sampling s = sampling(once, sets);
            CHECK(s.inner % sets == 0);
            CHECK(s.samples >= 7);
            CHECK(s.samples <= 25);
        }
    CHECK(sampling(2e-6, 1) == Sampling{25, 500});  // 1 ms / 2 us; 150 ms hold more than 25
    CHECK(sampling(0.5, 1) == Sampling{7, 1});
    CHECK(data_sets(50e6, 50e6, 1e9) == 3);    // three caches
    CHECK(data_sets(50e6, 50e6, 120e6) == 2);  // what fits
    CHECK(data_sets(1e6, 50e6, 1e9) == 16);
    CHECK(data_sets(0, 50e6, 1e9) == 1);
}

TEST_CASE("microbench: options are taken literally or refused") {
    const Options o = parse_options({"--ops", "gemm,rmsnorm", "--device", "2", "--dry-run"});
    CHECK(o.ops == std::vector<std::string>{"gemm", "rmsnorm"});
    CHECK(o.device == 2);
    CHECK(o.dry_run);
    CHECK_THROWS_WITH(parse_options({"--ops", "gem"}), Catch::Contains("'gem' is not measured"));
    CHECK_THROWS_WITH(parse_options({"--ops", ""}), Catch::Contains("'' is not measured"));
    CHECK_THROWS_WITH(parse_options({"--device", "-1"}),
                      Catch::Contains("no number from 0 to 1023"));
    CHECK_THROWS_WITH(parse_options({"--device", "1.5"}), Catch::Contains("no whole number"));
    CHECK_THROWS_WITH(parse_options({"--budget", "nan"}), Catch::Contains("no number from 1"));
    CHECK_THROWS_WITH(parse_options({"--out"}), Catch::Contains("a value is missing"));
    CHECK_THROWS_WITH(parse_options({"--fast"}), Catch::Contains("no option"));
}

TEST_CASE("microbench: --ops chooses by op, by kernel, or what is contended") {
    const auto all = plan(90);
    for (const Case& one : chosen(all, {"contention"})) CHECK(one.sms_held > 0);
    for (const Case& one : chosen(all, {"rope"})) CHECK(one.kernel == "rope");
    CHECK(chosen(all, {"contention"}).size() == 54);  // 3 shapes, 3 passes, 6 counts of SMs
    CHECK(chosen(all, {}).size() == all.size());
}

TEST_CASE("microbench: a trace's file is named after the device") {
    CHECK(file_name("NVIDIA H100 80GB HBM3") == "nvidia-h100-80gb-hbm3.csv");
    CHECK(file_name("../x") == "x.csv");
    CHECK(file_name("") == "device.csv");
}
