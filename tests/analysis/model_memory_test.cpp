#include "analysis/model_memory.hpp"

#include <catch2/catch.hpp>

#include "models/zoo.hpp"
#include "sim/input.hpp"

using namespace moesim;

namespace {

nlohmann::ordered_json memory(const std::string& name, const analysis::ModelPlan& plan) {
    const std::string path = models::find_model(name).string();
    return analysis::model_memory(models::load_model(path), path, plan);
}

double bytes(const nlohmann::ordered_json& memory, const char* cls) {
    return memory.at("by_class").at(cls).get<double>();
}

std::string complaint(const std::string& parallel, double load = 1) {
    try {
        memory("mixtral-8x7b", {.parallel = parallel, .load = load});
    } catch (const sim::InputError& error) {
        return error.what();
    }
    return "accepted";
}

}  // namespace

// Mixtral on 8 ranks, experts over 8: 32 layers of one expert 3 x 4096 x 14336 = 176,160,768 each,
// 1,605,640,192 other parameters (attention 41,943,040 + router 32,768 + norms 8,192 per layer,
// embedding and head 131,072,000 each, final norm). BF16: 2 bytes, FP32 main gradient 4.
TEST_CASE("model memory: weights and gradients of mixtral-8x7b over eight ranks") {
    const double routed = 32 * 176'160'768.0;
    const double others = 32 * (41'943'040.0 + 32'768 + 8'192) + 2 * 131'072'000.0;
    const auto m = memory("mixtral-8x7b", {.parallel = "dp=8,ep=8"});
    CHECK(bytes(m, "weights") == Approx(2 * (routed + others)).epsilon(1e-3));
    CHECK(bytes(m, "gradients") == Approx(4 * (routed + others)).epsilon(1e-3));
    // master and two moments 12 bytes: experts are held once, the others sharded over eight
    CHECK(bytes(m, "optimizer") == Approx(12 * (routed + others / 8)).epsilon(1e-3));
    double sum = 0;
    for (const auto& [cls, value] : m.at("by_class").items()) sum += value.get<double>();
    CHECK(sum == Approx(m.at("peak_bytes").get<double>()));
}

TEST_CASE("model memory: twice the mean rows cost activations and buffers, and nothing else") {
    const auto even = memory("mixtral-8x7b", {.parallel = "dp=8,ep=8"});
    const auto twice = memory("mixtral-8x7b", {.parallel = "dp=8,ep=8", .load = 2});
    CHECK(bytes(twice, "activations") > bytes(even, "activations"));
    CHECK(bytes(twice, "weights") == bytes(even, "weights"));
    // (1 + 2) / (1 + 1): what a rank sends stays
    // Beside five workspaces of 32 MiB, one for dense and four for grouped products.
    const double workspaces = 5 * 33554432.0;
    CHECK(bytes(twice, "buffers") - workspaces ==
          Approx(1.5 * (bytes(even, "buffers") - workspaces)));
}

TEST_CASE("model memory: short and long names of degrees mean the same") {
    CHECK(memory("mixtral-8x7b", {.parallel = "dp=8,ep=8"}) ==
          memory("mixtral-8x7b", {.parallel = "expert=8,data=8"}));
}

TEST_CASE("model memory: what is no plan is refused") {
    CHECK(complaint("dp=8,ep=8") == "accepted");
    CHECK(complaint("").find("is no degree") != std::string::npos);
    CHECK(complaint("pipelin=2").find("did you mean 'pipeline'?") != std::string::npos);
    CHECK(complaint("dp=0").find("'dp=0' is no degree") != std::string::npos);
    CHECK(complaint("dp=1e30").find("is no degree") != std::string::npos);
    CHECK(complaint("dp=8,data=8").find("data comes twice") != std::string::npos);
    CHECK(complaint("dp=8,ep=3").find("parallel.expert") != std::string::npos);
    // all of a group's tokens on one of 8 ranks with one expert: 8 min(2, 1) / 2 = 4 times the mean
    CHECK(complaint("dp=8,ep=8", 4) == "accepted");
    CHECK(complaint("dp=8,ep=8", 4.1).find("error: --load") != std::string::npos);
}
