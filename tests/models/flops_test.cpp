#include <catch2/catch.hpp>
#include <cmath>

#include "models/counts.hpp"

using namespace moesim::models;

namespace {

/// Matrix parameters that a token of DeepSeek-V3 passes, without routers:
/// 61 MLA + 3 dense + 58 (8 + 1) experts + head = 36,518,166,528.
constexpr double kMatrices =
    61 * 187'105'280.0 + 3 * 396'361'728.0 + 58 * 9 * 44'040'192.0 + 7168.0 * 129'280;

double rounded(double value, double unit) { return std::round(value / unit) * unit; }

}  // namespace

TEST_CASE("flops: deepseek-v3 at 4,096 takes 249.811 GFLOP causal and 280.514 non-causal") {
    const Flops f = flops_per_token(load_model("deepseek-v3"), 4096);
    CHECK(kMatrices == 36'518'166'528.0);
    // training 6 per matrix parameter; scores and values 3 x 61 x 2 s a (192 + 128), half when
    // causal
    const double scores = 3 * 61 * 2.0 * 4096 * 128 * 320;
    CHECK(f.training_causal == Approx(6 * kMatrices + scores / 2).epsilon(1e-6));
    CHECK(f.training_noncausal == Approx(6 * kMatrices + scores).epsilon(1e-6));
    CHECK(rounded(f.training_causal / 1e9, 0.001) == Approx(249.811).epsilon(1e-9));
    CHECK(rounded(f.training_noncausal / 1e9, 0.001) == Approx(280.514).epsilon(1e-9));
    CHECK(f.training_causal == Approx(3 * f.forward_causal));
}

TEST_CASE("flops: deepseek-v3 in Megatron's convention takes 249.812, with MTP 259.993 GFLOP") {
    Model model = load_model("deepseek-v3");
    const double scores = 3 * 2.0 * 4096 * 128 * 320 / 2;
    // one multiply-add per element of the query and key/value norms, forward and twice backward
    const double plain = 6 * kMatrices + 61 * (6 * (1536 + 512) + scores);
    // a module: MoE layer, projection and norms 6 (2 h^2 + 3 h), the head again
    const double module = 6 * (187'105'280.0 + 9 * 44'040'192.0 + 2048) + scores +
                          6 * (2 * 7168.0 * 7168 + 3 * 7168) + 6 * 7168.0 * 129'280;
    CHECK(flops_per_token(model, 4096).megatron == Approx(plain + module).epsilon(1e-9));
    CHECK(rounded(flops_per_token(model, 4096).megatron / 1e9, 0.001) ==
          Approx(259.993).epsilon(1e-9));
    model.mtp_layers = 0;
    CHECK(flops_per_token(model, 4096).megatron == Approx(plain).epsilon(1e-9));
    CHECK(rounded(flops_per_token(model, 4096).megatron / 1e9, 0.001) ==
          Approx(249.812).epsilon(1e-9));
}

TEST_CASE("flops: 272.80e9 tokens a day on 2,048 GPUs of 989 TFLOPS are 38.94 and 43.73 % MFU") {
    const Flops f = flops_per_token(load_model("deepseek-v3"), 4096);
    // arXiv:2505.09343, table 4
    const double per_gpu = 272.80e9 / 86'400 / 2048;  // tokens per second
    CHECK(rounded(100 * f.training_causal * per_gpu / 989e12, 0.01) == Approx(38.94).epsilon(1e-9));
    CHECK(rounded(100 * f.training_noncausal * per_gpu / 989e12, 0.01) ==
          Approx(43.73).epsilon(1e-9));
}

TEST_CASE("flops: mixtral-8x7b") {
    const Model model = load_model("mixtral-8x7b");
    // matrices: 32 (41,943,040 attention + 2 x 176,160,768 experts) + head 4096 x 32000
    const double matrices = 32 * (41'943'040.0 + 2 * 176'160'768.0) + 131'072'000.0;
    // scores and values, non-causal: 32 x 2 s (32 heads) (128 + 128)
    const double scores = 32 * 2 * 4096.0 * 32 * 256;
    const Flops f = flops_per_token(model, 4096);
    CHECK(f.forward_causal == Approx(2 * matrices + scores / 2).epsilon(1e-12));
    CHECK(f.training_noncausal == Approx(3 * (2 * matrices + scores)).epsilon(1e-12));
    CHECK(f.megatron == Approx(f.training_causal).epsilon(1e-12));  // no low-rank norms, no MTP
}

TEST_CASE("flops: only the scores grow with the sequence") {
    const Model model = load_model("mixtral-8x7b");
    const double at_1k = flops_per_token(model, 1024).forward_causal;
    const double at_2k = flops_per_token(model, 2048).forward_causal;
    const double at_3k = flops_per_token(model, 3072).forward_causal;
    CHECK(at_2k - at_1k == Approx(at_3k - at_2k));
    CHECK(at_2k - at_1k == Approx(32 * 1024.0 * 32 * 256));
}
