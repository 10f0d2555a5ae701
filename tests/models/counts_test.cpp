#include <catch2/catch.hpp>

#include "models/counts.hpp"

using namespace moesim::models;

TEST_CASE("counts: deepseek-v3 has 671,025,397,760 parameters without norms and MTP") {
    const Parameters p = parameters(load_model("deepseek-v3"));
    // per layer  q_a 7168 1536 + kv_a 7168 (512+64) + q_b 1536 128 192 + kv_b 512 128 256
    //            + o 128 128 7168 = 187,105,280;  an expert 3 7168 2048 = 44,040,192
    // 61 attention + 3 x 3 7168 18432 dense + 58 (256 + 1) experts + 58 routers 7168 256
    // + 2 x 7168 129280
    const double want = 61 * 187'105'280.0 + 3 * 396'361'728.0 + 58 * 257 * 44'040'192.0 +
                        58 * 1'835'008.0 + 2 * 926'679'040.0;
    CHECK(want == 671'025'397'760.0);
    CHECK(p.total - p.by_class.at("norms") == want);
    // two of h per layer and one at the end, q_rank and kv_rank per layer
    CHECK(p.by_class.at("norms") == 61 * (2 * 7168.0 + 1536 + 512) + 7168);
    CHECK(p.by_class.at("latent") == 61 * 7168.0 * (1536 + 512 + 64));
    CHECK(p.by_class.at("attention") + p.by_class.at("latent") == 61 * 187'105'280.0);
    CHECK(p.by_class.at("routed") == 58 * 256 * 44'040'192.0);
    CHECK(p.by_class.at("shared") == 58 * 44'040'192.0);
    CHECK(p.by_class.at("router") == 106'430'464.0);
    CHECK(p.total == Approx(671e9).epsilon(0.001));
}

TEST_CASE("counts: classes sum to total plus MTP") {
    for (const char* name : {"deepseek-v3", "mixtral-8x7b"}) {
        const Parameters p = parameters(load_model(name));
        double sum = 0;
        for (const auto& [cls, count] : p.by_class) sum += count;
        CHECK(p.by_class.size() == 10);
        CHECK(sum == p.total + p.by_class.at("mtp"));
    }
}

TEST_CASE("counts: the MTP module of deepseek-v3 is a layer, a projection and three norms") {
    const Model model = load_model("deepseek-v3");
    // layer 187,105,280 + 257 x 44,040,192 + 1,835,008, norms 2 x 7168 + 2048; projection 2 x
    // 7168^2; norms 3 x 7168: 11.6 B, README_WEIGHTS says 11.5 B
    const double want = 187'105'280.0 + 257 * 44'040'192.0 + 1'835'008 + 2 * 7168 + 2048 +
                        2 * 7168.0 * 7168 + 3 * 7168;
    CHECK(parameters(model).by_class.at("mtp") == want);
    Model without = model;
    without.mtp_layers = 0;
    CHECK(parameters(without).by_class.at("mtp") == 0);
    CHECK(parameters(without).total == parameters(model).total);
}

TEST_CASE("counts: deepseek-v3 uses 37.6, 36.6 or 35.7 B per token") {
    const Parameters p = parameters(load_model("deepseek-v3"));
    const double idle = 58 * 248 * 44'040'192.0;  // 256 - 8 experts per layer
    CHECK(p.active_with_embedding == p.total - idle);
    CHECK(p.active_with_embedding == Approx(37.6e9).epsilon(0.002));
    CHECK(p.active_without_input_embedding == Approx(36.6e9).epsilon(0.002));
    CHECK(p.active_without_embedding == Approx(35.7e9).epsilon(0.002));
}

TEST_CASE("counts: mixtral-8x7b has 46.7 B parameters and uses 12.9 B") {
    const Parameters p = parameters(load_model("mixtral-8x7b"));
    // per layer  qkv 4096 (4096 + 2 x 1024) + o 4096^2 = 41,943,040
    //            experts 8 x 3 4096 14336 + router 4096 8, norms 2 x 4096; 2 x 32000 4096; final
    //            norm
    CHECK(p.total ==
          32 * (41'943'040.0 + 8 * 176'160'768.0 + 32'768 + 8192) + 2 * 131'072'000.0 + 4096);
    CHECK(p.total == Approx(46.7e9).epsilon(0.001));
    CHECK(p.active_with_embedding == Approx(12.88e9).epsilon(0.001));
    CHECK(p.active_without_input_embedding == Approx(12.749e9).epsilon(0.0001));
    CHECK(p.active_without_embedding == Approx(12.618e9).epsilon(0.0001));
}

TEST_CASE("counts: a tied embedding is counted once and stays active as the head") {
    Model model = load_model("mixtral-8x7b");
    const Parameters untied = parameters(model);
    model.tied_embedding = true;
    const Parameters tied = parameters(model);
    CHECK(untied.total - tied.total == 131'072'000.0);
    CHECK(tied.by_class.at("head") == 0);
    CHECK(tied.active_without_input_embedding == tied.active_with_embedding);
    CHECK(tied.active_without_embedding == untied.active_without_embedding);
}

TEST_CASE("counts: the matrices of an MLA layer come in the order of a token") {
    const Model model = load_model("deepseek-v3");
    std::vector<std::string> names;
    for (const Linear& l : attention_linears(model.layer(0), model.hidden)) names.push_back(l.name);
    CHECK(names == std::vector<std::string>{"q_a", "kv_a", "q_b", "kv_b", "o"});
    names.clear();
    for (const Linear& l : ffn_linears(model.layer(3), model.hidden))
        names.push_back(l.cls + " " + l.name);
    CHECK(names == std::vector<std::string>{"router router", "shared shared_gate_up",
                                            "shared shared_down", "routed gate_up", "routed down"});
}

TEST_CASE("counts: MLA without a query rank projects queries straight from the hidden state") {
    Layer layer = load_model("deepseek-v3").layer(0);
    layer.attention.q_rank = 0;
    double sum = 0;
    for (const Linear& l : attention_linears(layer, 7168)) sum += static_cast<double>(l.in * l.out);
    // h a (c_n + c_r) + h (kv_r + c_r) + kv_r a (c_n + c_v) + a c_v h
    CHECK(sum == 7168.0 * 128 * 192 + 7168 * 576 + 512 * 128 * 256 + 128 * 128 * 7168);
}

TEST_CASE("counts: an ungated block has two matrices") {
    Layer layer = load_model("deepseek-v3").layer(0);
    layer.dense->gated = false;
    const auto linears = ffn_linears(layer, 7168);
    REQUIRE(linears.size() == 2);
    CHECK(linears[0].out == 18432);
}

TEST_CASE("counts: key/value cache") {
    CHECK(kv_bytes_per_token(load_model("deepseek-v3")) == 2 * 61 * (512 + 64));    // 70,272
    CHECK(kv_bytes_per_token(load_model("mixtral-8x7b")) == 2 * 2 * 32 * 8 * 128);  // 131,072
}
