#include <sqlite3.h>

#include "tests/analysis/importers/samples.hpp"

namespace {

using namespace moesim::analysis;
using namespace moesim::analysis::samples;
using moesim::topologies::AttentionCore;
using moesim::topologies::Gemm;
using moesim::topologies::Memory;

const std::string kTrace = R"({"schemaVersion": 1, "traceEvents": [
 {"ph": "X", "cat": "cpu_op", "name": "aten::mm", "ts": 1, "dur": 9, "args": {"External id": 7,
  "Input Dims": [[4096, 7168], [7168, 2048]], "Input type": ["c10::BFloat16", "c10::BFloat16"]}},
 {"ph": "X", "cat": "kernel", "name": "nvjet_hsh", "ts": 5, "dur": 150.5,
  "args": {"External id": 7, "correlation": 3}},
 {"ph": "X", "cat": "kernel", "name": "splitKreduce", "ts": 5, "dur": 9.5, "args": {"External id": 7}},
 {"ph": "X", "cat": "cpu_op", "name": "aten::_scaled_dot_product_flash_attention",
  "args": {"External id": 8, "Input Dims": [[2, 32, 4096, 128], [2, 8, 4096, 128],
  [2, 8, 4096, 128], [], []], "Input type": ["c10::BFloat16"]}},
 {"ph": "X", "cat": "kernel", "name": "flash_fwd", "ts": 5, "dur": 640, "args": {"External id": 8}},
 {"ph": "X", "cat": "cpu_op", "name": "mine::odd", "args": {"External id": 9}},
 {"ph": "X", "cat": "kernel", "name": "odd", "ts": 5, "dur": 3, "args": {"External id": 9}},
 {"ph": "X", "cat": "kernel", "name": "ncclDevKernel_AllReduce", "ts": 5, "dur": 200,
  "args": {"Collective name": "allreduce", "In msg nelems": 1048576, "dtype": "BFloat16",
  "Group size": 8}}
]})";

TEST_CASE("kineto: kernels are added up per operator, whose sizes say what it is") {
    const Import import = imported("kineto", kTrace);
    REQUIRE(import.measurements.size() == 3);
    for (const Measurement& m : import.measurements) {
        if (const auto* q = std::get_if<Gemm>(&m.what)) {
            CHECK((q->m == 4096 && q->in == 7168 && q->out == 2048 && q->format == "bf16"));
            CHECK(m.seconds == Approx(160e-6));  // 150.5 and 9.5
        }
        if (const auto* q = std::get_if<CollectiveCall>(&m.what)) {
            CHECK(q->bytes == 2097152);
            CHECK(q->ranks == 8);
        }
    }
    CHECK(import.rejected.at("no rule for its operator").rows == 1);
}

TEST_CASE("kineto: attention by PyTorch's order of dimensions") {
    const Import import = imported("kineto", kTrace);
    bool seen = false;
    for (const Measurement& m : import.measurements)
        if (const auto* q = std::get_if<AttentionCore>(&m.what)) {
            seen = true;
            CHECK((q->batch == 2 && q->heads == 32 && q->kv_heads == 8 && q->sequence == 4096 &&
                   q->qk_dim == 128));
        }
    CHECK(seen);
}

TEST_CASE("kineto: a user's rules come first") {
    const auto path = std::filesystem::temp_directory_path() / "moesim-rules-test.toml";
    std::ofstream{path} << "[[rule]]\npattern = \"^aten::mm$\"\nkind = \"memory\"\n"
                           "name = \"copy\"\nbytes = 4\n";
    const Import import = imported("kineto", kTrace, {"", path.string()});
    int copies = 0;
    for (const Measurement& m : import.measurements)
        if (const auto* q = std::get_if<Memory>(&m.what)) {
            ++copies;
            CHECK(q->bytes == 4.0 * 4096 * 7168);
        }
    CHECK(copies == 1);
    std::ofstream{path} << "[[rule]]\npattern = \"(\"\nkind = \"gemm\"\n";
    CHECK_THROWS_WITH(imported("kineto", kTrace, {"", path.string()}),
                      Catch::Contains("is no regular expression"));
    std::filesystem::remove(path);
}

TEST_CASE("kineto: broken and foreign JSON is refused with its place") {
    CHECK_THAT(complaint("kineto", ""), Catch::Contains("sample:1:1"));
    CHECK_THAT(complaint("kineto", kTrace.substr(0, 300)),
               Catch::Contains("sample:4:") && Catch::Contains("cut off"));
    CHECK_THAT(complaint("kineto", "{\"a\": 1}"), Catch::Contains("no \"traceEvents\""));
    CHECK_THAT(complaint("kineto", "{\"traceEvents\": []}"), Catch::Contains("no kernel events"));
    CHECK_THAT(complaint("kineto", std::string(100000, '[')), Catch::Contains("nested more than"));
}

/// A data base as Nsight Systems exports it: one product with two kernels, launched inside nested
/// ranges of thread 5; a kernel of thread 6 outside of any.
std::string nsys_file(const char* extra = "") {
    const auto path = (std::filesystem::temp_directory_path() / "moesim-nsys-test.sqlite").string();
    std::filesystem::remove(path);
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    const std::string sql = std::string{R"(
CREATE TABLE StringIds (id INTEGER, value TEXT);
CREATE TABLE NVTX_EVENTS (start INT, end INT, globalTid INT, text TEXT, textId INT);
CREATE TABLE CUPTI_ACTIVITY_KIND_KERNEL (start INT, end INT, correlationId INT);
CREATE TABLE CUPTI_ACTIVITY_KIND_RUNTIME (start INT, end INT, globalTid INT, correlationId INT);
INSERT INTO StringIds VALUES (1, 'aten::mm, op_id = 4, sizes = [[4096, 7168], [7168, 2048]]');
INSERT INTO NVTX_EVENTS VALUES (10, 90, 5, 'aten::linear, op_id = 3, sizes = [[4096, 7168]]', NULL);
INSERT INTO NVTX_EVENTS VALUES (20, 80, 5, NULL, 1);
INSERT INTO CUPTI_ACTIVITY_KIND_RUNTIME VALUES (30, 31, 5, 100), (40, 41, 5, 101), (40, 41, 6, 102);
INSERT INTO CUPTI_ACTIVITY_KIND_KERNEL VALUES (200, 150200, 100), (150300, 160300, 101),
    (1, 2, 102);
)"} + extra;
    REQUIRE(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(db);
    return path;
}

TEST_CASE("nsys: kernels belong to the innermost range that their launch was called in") {
    const Import import = imported("nsys", "", {}, nsys_file());
    const auto& q = only<Gemm>(import);
    CHECK((q.m == 4096 && q.in == 7168 && q.out == 2048));
    CHECK(import.measurements.front().seconds == Approx(160e-6));  // 150 and 10
    CHECK(import.rejected.at("a kernel outside of any range with sizes").rows == 1);
}

TEST_CASE("nsys: another data base, or none, is refused in SQLite's words") {
    CHECK_THAT(complaint("nsys", "", nsys_file("DROP TABLE CUPTI_ACTIVITY_KIND_KERNEL;")),
               Catch::Contains("no table CUPTI_ACTIVITY_KIND_KERNEL"));
    const auto path = (std::filesystem::temp_directory_path() / "moesim-nsys-bad.sqlite").string();
    std::ofstream{path} << std::string(5000, 'x');
    CHECK_THAT(complaint("nsys", "", path), Catch::Contains("not a database"));
    CHECK_THAT(complaint("nsys", "", path + ".none"), Catch::Contains("SQLite"));
    std::filesystem::remove(path);
}

}  // namespace
