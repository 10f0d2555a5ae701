#include "tests/analysis/importers/samples.hpp"

namespace {

using namespace moesim::analysis;
using namespace moesim::analysis::samples;
using moesim::topologies::AttentionCore;
using moesim::topologies::Gemm;
using moesim::topologies::Memory;

TEST_CASE("aiconfigurator: products, and narrow ones include the cast of their input") {
    const Import import = imported("aiconfigurator",
                                   "dtype,m,n,k,latency_us\n"
                                   "bfloat16,4096,7168,2048,166.5\n"
                                   "fp8_block,64,128,256,12\n"
                                   "int8_wo,64,128,256,12\n"
                                   "bfloat16,64,128,256,nan\n");
    REQUIRE(import.measurements.size() == 2);
    const auto& q = std::get<Gemm>(import.measurements[0].what);
    CHECK((q.m == 4096 && q.out == 7168 && q.in == 2048 && q.format == "bf16"));
    CHECK(import.measurements[0].seconds == Approx(166.5e-6));
    CHECK(!import.measurements[0].casts);
    CHECK(import.measurements[1].casts);
    CHECK(import.read == 4);
    CHECK(import.rejected.at("a weight-only or integer format").first == "sample:4");
    CHECK(import.rejected.at("latency_us is not a number above zero").rows == 1);
}

// 4096 tokens of the group choose 8 of 256 experts each: on one of 64 ranks 512 rows for 4 experts.
TEST_CASE("aiconfigurator: a block of experts is that of one rank") {
    const Import import = imported(
        "aiconfigurator",
        "kernel,dtype,num_tokens,hidden,inter,topk,experts,moe_tp,moe_ep,distribution,latency_us\n"
        "moe_torch_flow_cutlass,fp8,4096,7168,2048,8,256,2,64,balanced,300\n"
        "moe_torch_flow_cutlass,fp8,4096,7168,2048,8,256,2,64,power_law_1.2,300\n"
        "moe_torch_flow_min_latency,nvfp4,4096,7168,2048,8,256,2,64,balanced,300\n");
    const auto& q = only<ExpertBlock>(import);
    CHECK(q.rows == 512);
    CHECK(q.experts == 4);
    CHECK(q.width == 1024);
    CHECK(q.gated);
    CHECK(import.rejected.size() == 2);
}

TEST_CASE("aiconfigurator: attention of one system, and MLA with its two head sizes") {
    const Import import = imported("aiconfigurator",
                                   "system,batch,seq_len,q_heads,kv_heads,head_dim,latency_us\n"
                                   "h100_sxm,2,4096,32,8,128,640\n"
                                   "gb200,2,4096,32,8,128,640\n",
                                   {"h100_sxm", ""});
    const auto& q = only<AttentionCore>(import);
    CHECK((q.batch == 2 && q.sequence == 4096 && q.heads == 32 && q.kv_heads == 8));
    CHECK(import.rejected.at("another system").rows == 1);
    const Import mla = imported("aiconfigurator",
                                "system,dtype,kv_dtype,heads,batch,seq_len,tp,latency_us\n"
                                "h100_sxm,bfloat16,bfloat16,128,1,4096,1,1262.9\n");
    CHECK(only<AttentionCore>(mla).qk_dim == 192);
    CHECK(only<AttentionCore>(mla).v_dim == 128);
}

TEST_CASE("aiconfigurator: a cast reads two bytes and writes one per element") {
    const Import import =
        imported("aiconfigurator", "op,quant_dtype,m,k,latency_us\nscale_matrix,fp8,100,20,3\n");
    CHECK(only<Memory>(import).bytes == 6000);
}

TEST_CASE("aiconfigurator: what is no table, or cut off, is told with its place") {
    CHECK_THAT(complaint("aiconfigurator", ""), Catch::Contains("no header line"));
    CHECK_THAT(complaint("aiconfigurator", "a,b\n1,2\n"),
               Catch::Contains("sample:1:1") && Catch::Contains("no column 'latency_us'"));
    CHECK_THAT(complaint("aiconfigurator", "a,latency_us\n1,2\n"),
               Catch::Contains("none of the tables"));
    CHECK_THAT(complaint("aiconfigurator", "dtype,m,n,k,latency_us\nbfloat16,64,12"),
               Catch::Contains("sample:2:13") && Catch::Contains("was the file cut off?"));
}

// Llama-2-7b: 4096 hidden, 11008 wide; 32 heads. RMSNorm moves 2 x 2 B per element.
TEST_CASE("vidur: memory-bound ops with their bytes, of one tensor rank") {
    const Import import =
        imported("vidur",
                 "time_stats.input_layernorm.median,time_stats.add.median,"
                 "time_stats.mlp_act.median,time_stats.attn_rope.median,n_head,n_kv_head,n_embd,"
                 "n_expanded_embd,num_tokens,num_tensor_parallel_workers\n"
                 "0.0665,0.031,0.1385,0.083,32,32,4096,11008,4096,1\n"
                 "0.0665,0.031,0.1385,0.083,32,32,4096,11008,4096,2\n");
    REQUIRE(import.measurements.size() == 4);
    const auto& norm = std::get<Memory>(import.measurements[0].what);
    CHECK(norm.name == "rmsnorm");
    CHECK(norm.bytes == 4.0 * 4096 * 4096);
    CHECK(import.measurements[0].seconds == Approx(66.5e-6));
    CHECK(std::get<Memory>(import.measurements[2].what).bytes == 6.0 * 4096 * 11008);
    CHECK(import.rejected.at("split over tensor ranks").rows == 1);
    CHECK_THAT(complaint("vidur", "x\n1\n"), Catch::Contains("no column 'num_tokens'"));
}

const std::string kTraceHeader =
    "# moesim trace CSV, version 1\n"
    "device,driver,cuda,library,op,kernel,pass,dtype,m,out,in,groups,skew,batch,heads,kv_heads,"
    "sequence,qk_dim,v_dim,causal,bytes,launches,sms_held,repeats,median_us,p10_us,p90_us,"
    "clock_mhz,rel_error,status,note\n";

TEST_CASE("trace: products of all passes, attention, memory and launches") {
    const Import import = imported(
        "trace",
        kTraceHeader +
            "NVIDIA H200,13.0,13.0,cublasLt,gemm,,weight_gradient,bf16,4096,7168,2048,1,1,,,,,,,,,,"
            ",25,166.4,165.9,168.2,1755,0.0021,ok,\n"
            "NVIDIA H200,13.0,13.0,cublasLt,gemm,beside_copy,forward,bf16,4096,7168,2048,1,1,,,,,,,"
            ",,,20,25,190,189,191,1755,0.0021,ok,\n"
            "NVIDIA H200,13.0,13.0,own,attention,,input_gradient,bf16,,,,,,1,32,8,4096,128,128,1,,,"
            ",15,9120,9080,9300,1755,0.004,ok,\n"
            "NVIDIA H200,13.0,13.0,own,memory,rmsnorm,,bf16,,,,,,,,,,,,,117440512,1,,25,41.2,40.8,"
            "42.0,1980,0.002,ok,\n"
            "NVIDIA H200,13.0,13.0,own,launch,host_issue,,,,,,,,,,,,,,,,1000,,15,2.31,2.28,2.5,,,ok"
            ",\n"
            "NVIDIA H200,13.0,13.0,own,memory,rope,,bf16,,,,,,,,,,,,,1000,1,,25,41.2,40.8,42,1,2,"
            "wrong,\n");
    REQUIRE(import.measurements.size() == 5);
    CHECK(import.rejected.at("status is wrong").rows == 1);
    int contended = 0, launches = 0;
    for (const Measurement& m : import.measurements) {
        contended += m.contended;
        launches += std::holds_alternative<Launch>(m.what);
        if (const auto* q = std::get_if<AttentionCore>(&m.what)) {
            CHECK(q->pass == moesim::topologies::Pass::input_gradient);
            CHECK(m.seconds == Approx(9120e-6));
        }
    }
    CHECK(contended == 1);
    CHECK(launches == 1);
}

TEST_CASE("trace: the last of equal rows counts, and a half line is passed over") {
    const std::string row = "NVIDIA H200,13.0,13.0,own,memory,rmsnorm,,bf16,,,,,,,,,,,,,100,1,,25,";
    const Import import = imported("trace", kTraceHeader + row + "41,40,42,1980,0.002,ok,\n" + row +
                                                "50,49,51,1980,0.002,ok,\n" + row + "60,5");
    CHECK(only<Memory>(import).bytes == 100);
    CHECK(import.measurements.front().seconds == Approx(50e-6));
    CHECK(import.rejected.at("measured again later").rows == 1);
    CHECK(import.rejected.contains("the last line has no end"));
    CHECK_THAT(complaint("trace", ""), Catch::Contains("no header line"));
    CHECK_THAT(complaint("trace", "device\n1\n"), Catch::Contains("no column 'op'"));
}

TEST_CASE("measurement files: gzip, damage and encodings are seen") {
    const auto folder = std::filesystem::temp_directory_path() / "moesim-importer-test";
    std::filesystem::create_directories(folder);
    const auto written = [&](const char* name, const std::string& bytes) {
        const auto path = (folder / name).string();
        std::ofstream{path, std::ios::binary} << bytes;
        return path;
    };
    const auto refused = [&](const std::string& path) -> std::string {
        try {
            (void)read_measurement_file(path);
        } catch (const moesim::sim::InputError& e) {
            return e.what();
        }
        return "";
    };
    CHECK(read_measurement_file(written("bom.csv",
                                        "\xef\xbb\xbf"
                                        "a,b\n")) == "a,b\n");
    CHECK_THAT(refused(written("wide.csv",
                               "\xff\xfe"
                               "a")),
               Catch::Contains("UTF-16"));
    CHECK_THAT(refused(written("cut.gz", std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03\x4b", 11))),
               Catch::Contains("ends early or is damaged"));
    CHECK_THAT(refused((folder / "none.csv").string()), Catch::Contains("no such file"));
    std::filesystem::remove_all(folder);
}

}  // namespace
