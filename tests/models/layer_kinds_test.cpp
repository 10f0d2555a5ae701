#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "models/attention.hpp"
#include "models/counts.hpp"
#include "sim/input.hpp"

namespace {

using namespace moesim;
using models::parameters;

/// A model of hidden size 64 without vocabulary, read from the text of its TOML.
models::Model model(const std::string& text, int layers = 1) {
    const auto path = std::filesystem::temp_directory_path() / "moesim-layer-kinds-test.toml";
    std::ofstream{path} << "hidden = 64\nvocab = 0\nlayers = " << layers << "\n" << text;
    const auto out = models::load_model(path.string());
    std::filesystem::remove(path);
    return out;
}

double of_class(const models::Model& m, const std::string& cls) {
    return parameters(m).by_class.at(cls);
}

const std::string kGqa = "[attention]\nkind = \"gqa\"\nheads = 4\nkv_heads = 2\nhead_dim = 16\n";
const std::string kDense = "[dense]\nwidth = 128\n";
const std::string kNoFfn = "[layer.X]\nffn = \"none\"\n";

/// One layer of this mixer and nothing else.
models::Model mixer(const std::string& keys) {
    return model("pattern = \"X\"\n" + kNoFfn + "[attention]\n" + keys);
}
double core(const models::Model& m, long sequence, bool causal = true) {
    const models::Attention& a = m.kinds.front().attention;
    return models::attention_kind(a.kind).core_flops(a, sequence, causal);
}

}  // namespace

TEST_CASE("layers: gates, norms, biases and a query rank add what they are") {
    // qkv 64 (64 + 2 x 32) + o 64 x 64
    CHECK(of_class(mixer("kind = \"gqa\"\nheads = 4\nkv_heads = 2\nhead_dim = 16\n"),
                   "attention") == 64 * 128 + 64 * 64);
    const std::string base = "kind = \"gqa\"\nheads = 4\nkv_heads = 2\nhead_dim = 16\n";
    CHECK(of_class(mixer(base + "gate = true\n"), "attention") == 64 * (128 + 64) + 64 * 64);
    CHECK(of_class(mixer(base + "bias = \"qkv\"\n"), "attention") == 64 * 128 + 64 * 64 + 128);
    CHECK(of_class(mixer(base + "bias = \"all\"\n"), "attention") == 64 * 128 + 64 * 64 + 128 + 64);
    // the norm before the mixer and the final one are 64 each; queries' and keys' 16 each
    CHECK(of_class(mixer(base + "qk_norm = true\n"), "norms") == 64 + 64 + 32);
    const auto ranked = mixer(base + "q_rank = 8\n");
    CHECK(of_class(ranked, "latent") == 64 * 8);
    CHECK(of_class(ranked, "attention") == 8 * 64 + 64 * 64 + 64 * 64);  // q_b, kv, o
    // heads of 16 for scores and 8 for values: qkv 64 (64 + 2 x 16 + 2 x 8), o 32 x 64
    CHECK(of_class(mixer(base + "v_dim = 8\n"), "attention") == 64 * 112 + 32 * 64);
}

TEST_CASE("layers: a window or a chunk bounds the keys that a query sees") {
    const std::string base = "kind = \"gqa\"\nheads = 4\nkv_heads = 2\nhead_dim = 16\n";
    // 2 keys 4 heads (16 + 16): 256 FLOP a key
    CHECK(core(mixer(base), 1024) == 256 * 512.0);
    CHECK(core(mixer(base), 1024, false) == 256 * 1024.0);
    // a window of 128 in 1,024: the first 128 queries see 64 on average, the others 128:
    // 128 - 128^2 / 2048 = 120
    CHECK(core(mixer(base + "window = 128\n"), 1024) == 256 * 120.0);
    CHECK(core(mixer(base + "window = 128\n"), 1024, false) == 256 * 128.0);
    CHECK(core(mixer(base + "window = 4096\n"), 1024) == 256 * 512.0);  // never full
    CHECK(core(mixer(base + "chunk = 256\n"), 1024) == 256 * 128.0);
    CHECK(core(mixer(base + "chunk = 4096\n"), 1024) == 256 * 512.0);
    CHECK(core(mixer(base + "causal = false\n"), 1024) == 256 * 1024.0);
    CHECK_THROWS_AS(mixer(base + "window = 8\nchunk = 8\n"), sim::InputError);
    CHECK_THROWS_AS(mixer(base + "window = 0\n"), sim::InputError);
}

TEST_CASE("layers: an indexer of sparse attention adds its matrices and caps the keys") {
    const std::string mla =
        "kind = \"mla\"\nheads = 4\nq_rank = 32\nkv_rank = 16\nnope_dim = 8\nrope_dim = 4\n"
        "v_dim = 8\n";
    const auto plain = mixer(mla);
    const auto sparse = mixer(mla + "index_heads = 2\nindex_dim = 8\nindex_top_k = 64\n");
    // queries 32 x 16 from the query latent, one key of 8 and two weights per token
    CHECK(of_class(sparse, "latent") - of_class(plain, "latent") == 32 * 16 + 64 * (8 + 2));
    CHECK(of_class(sparse, "norms") - of_class(plain, "norms") == 2 * 8);
    // keys 64 - 64^2 / 2048 = 62 of 4 heads (12 + 8), and 2 x 2 x 8 for each of 512 scored keys
    CHECK(core(sparse, 1024) == 2 * 62.0 * 4 * 20 + 2 * 2 * 8 * 512.0);
    CHECK(models::kv_bytes_per_token(sparse) == models::kv_bytes_per_token(plain));
    CHECK_THROWS_AS(mixer(mla + "index_top_k = 64\n"), sim::InputError);
}

TEST_CASE("layers: compressed attention sees a window and one key for several tokens") {
    const std::string csa =
        "kind = \"csa\"\nheads = 4\nhead_dim = 16\nq_rank = 32\nwindow = 64\no_groups = 2\n"
        "o_rank = 8\n";
    const auto window = mixer(csa);
    // queries 64 x 32 and 32 x 64, one key 64 x 16, output 2 blocks 32 x 8 and 16 x 64, 4 sinks
    CHECK(of_class(window, "latent") == 64 * 32 + 64 * 16);
    CHECK(of_class(window, "attention") == 32 * 64 + 2 * 32 * 8 + 16 * 64 + 4);
    // 64 - 64^2 / 2048 = 62 keys of 4 heads (16 + 16)
    CHECK(core(window, 1024) == 256 * 62.0);
    const auto far = mixer(csa + "compress = 128\n");
    CHECK(of_class(far, "latent") - of_class(window, "latent") == 64 * 2 * 16);
    CHECK(of_class(far, "attention") - of_class(window, "attention") == 128 * 16);
    CHECK(core(far, 1024) == 256 * (62.0 + 4));  // 8 compressed keys, half of them seen
    CHECK(models::kv_bytes_per_token(far) == 2 * 16.0 / 128);
    const auto near =
        mixer(csa + "compress = 4\nindex_heads = 2\nindex_dim = 8\nindex_top_k = 32\n");
    // compressors of twice 16 and twice 8, index queries 32 x 16, 2 weights
    CHECK(of_class(near, "latent") - of_class(window, "latent") ==
          64 * 4 * 16 + 32 * 16 + 64 * (4 * 8 + 2));
    // 32 of 256 compressed keys: 32 - 32^2 / 512 = 30; the indexer scores 128 on average
    CHECK(core(near, 1024) == 256 * (62.0 + 30) + 2 * 2 * 8 * 128.0);
    CHECK_THROWS_AS(mixer(csa + "index_heads = 2\nindex_dim = 8\nindex_top_k = 8\n"),
                    sim::InputError);
    CHECK_THROWS_AS(mixer(csa + "chunk = 8\n"), sim::InputError);
}

TEST_CASE("layers: mixture of attention heads holds 8 and passes 2 projections") {
    const auto m =
        mixer("kind = \"moa\"\nheads = 8\nkv_heads = 4\nhead_dim = 16\nexperts = 8\ntop_k = 2\n");
    // q and o 64 x 64 in each expert, keys and values 64 x 128 in common, router 64 x 8
    CHECK(of_class(m, "attention") == 8 * 2 * 64 * 64 + 64 * 128);
    CHECK(of_class(m, "router") == 64 * 8);
    const auto p = parameters(m);
    CHECK(p.total - p.active_with_embedding == 6 * 2 * 64 * 64);
    // 2 (2 x 2 x 4096 + 8192) matrices, no router; scores 2 x 512 x 8 x 32
    CHECK(models::flops_per_token(m, 1024).forward_causal ==
          2 * (4 * 4096.0 + 8192) + 2 * 512.0 * 8 * 32);
    CHECK(models::kv_bytes_per_token(m) == 2 * 2 * 4 * 16);
}

TEST_CASE("layers: Mamba-2 has two matrices, a convolution and three numbers per head") {
    const auto m =
        mixer("kind = \"mamba2\"\nheads = 8\nhead_dim = 16\nstate = 32\ngroups = 2\nconv = 4\n");
    // d = 128: in 64 (2 x 128 + 2 x 2 x 32 + 8), out 128 x 64; convolution with bias over
    // 128 + 128 channels; dt_bias, A and D per head; the norm of d
    CHECK(of_class(m, "attention") == 64 * 392 + 128 * 64 + 5 * 256 + 3 * 8);
    CHECK(of_class(m, "norms") == 64 + 64 + 128);
    CHECK(core(m, 1 << 20) == 7 * 128 * 32);  // the same at any length
    CHECK(models::kv_bytes_per_token(m) == 0);
    CHECK(models::state_bytes_per_sequence(m) == 2 * (128 * 32 + 4 * 256));
}

TEST_CASE("layers: Mamba has dt, B and C from its channels and a decay per state") {
    const auto m = mixer("kind = \"mamba1\"\nwidth = 128\nstate = 16\ndt_rank = 4\nconv = 4\n");
    // in 64 x 256, x 128 (4 + 32), dt 4 x 128, out 128 x 64; convolution and its bias 5 x 128, A
    // 128 x 16, dt bias and D 2 x 128
    CHECK(of_class(m, "attention") ==
          64 * 256 + 128 * 36 + 4 * 128 + 128 * 64 + 5 * 128 + 128 * 16 + 2 * 128);
    CHECK(core(m, 4096) == 7 * 128 * 16);
}

TEST_CASE("layers: linear attention keeps a state, not keys") {
    const auto lightning = mixer("kind = \"lightning\"\nheads = 4\nhead_dim = 16\n");
    CHECK(of_class(lightning, "attention") == 64 * 4 * 64 + 64 * 64);  // q, k, v, gate; o
    CHECK(core(lightning, 4096) == 4 * 4 * 16 * 16);
    const auto delta = mixer(
        "kind = \"gated_delta\"\nheads = 4\nkv_heads = 2\nhead_dim = 16\nv_dim = 32\nconv = 4\n");
    // keys 2 x 16 = 32, values 4 x 32 = 128: q, k, v, z 64 (2 x 32 + 2 x 128), beta and decay 64 x
    // 8, o 128 x 64; convolution 4 (64 + 128), A and dt_bias per head
    CHECK(of_class(delta, "attention") == 64 * 320 + 64 * 8 + 128 * 64 + 4 * 192 + 2 * 4);
    CHECK(core(delta, 4096) == 6 * 4 * 16 * 32);
    const auto kda = mixer("kind = \"kda\"\nheads = 4\nhead_dim = 16\nconv = 4\n");
    // q, k, v 64 x 192; decay and gate 16 x 64 each after 64 x 16 (latent); beta 64 x 4; o;
    // convolution 4 x 192, A per head, dt_bias per channel
    CHECK(of_class(kda, "latent") == 2 * 64 * 16);
    CHECK(of_class(kda, "attention") ==
          64 * 192 + 2 * 16 * 64 + 64 * 4 + 64 * 64 + 4 * 192 + 4 + 64);
    for (const auto* m : {&lightning, &delta, &kda}) {
        CHECK(models::kv_bytes_per_token(*m) == 0);
        CHECK(models::state_bytes_per_sequence(*m) > 0);
    }
}

TEST_CASE("layers: an LSTM has four gates over its input and what it feeds back") {
    const auto m = mixer("kind = \"lstm\"\nwidth = 128\nprojection = 64\n");
    // gates 64 x 512 and 64 x 512, projection 128 x 64, biases 4 x 128
    CHECK(of_class(m, "attention") == 2 * 64 * 512 + 128 * 64 + 512);
    CHECK(of_class(mixer("kind = \"lstm\"\nwidth = 64\n"), "attention") == 2 * 64 * 256 + 256);
}

TEST_CASE("layers: zero experts are chosen and cost nothing") {
    const auto m = model(kGqa + "[moe]\nexperts = 8\ntop_k = 3\nwidth = 16\nzero_experts = 4\n");
    const double expert = 3 * 64 * 16;
    CHECK(of_class(m, "routed") == 8 * expert);
    CHECK(of_class(m, "router") == 64 * 12);  // it scores all of them
    const auto p = parameters(m);
    // 3 choices, of which 8 in 12 are real: 2 experts
    CHECK(p.total - p.active_with_embedding == Approx(6 * expert));
}

TEST_CASE("layers: latent experts see a projection of the hidden state") {
    const auto m =
        model(kGqa + "[moe]\nexperts = 8\ntop_k = 2\nwidth = 48\nlatent = 16\ngated = false\n");
    CHECK(of_class(m, "routed") == 8 * 2 * 16 * 48);
    CHECK(of_class(m, "latent") == 2 * 64 * 16);
    CHECK(m.kinds.front().moe->payload(64) == 16);
}

TEST_CASE("layers: biases, a shared gate, a second gate and experts of other modalities count") {
    const std::string moe = "[moe]\nexperts = 8\ntop_k = 2\nwidth = 16\n";
    const auto base = parameters(model(kGqa + moe));
    const auto more = [&](const std::string& keys) {
        return parameters(model(kGqa + moe + keys)).total - base.total;
    };
    CHECK(more("bias = true\n") == 8 + 8 * (2 * 16 + 64));
    CHECK(more("shared_experts = 2\nshared_width = 8\n") == 3 * 64 * 16);
    CHECK(more("shared_experts = 2\nshared_width = 8\nshared_gate = true\n") == 3 * 64 * 16 + 64);
    CHECK(more("gate_groups = 4\n") == 64 * 4);  // a gate over groups beside 4 gates over 2
    CHECK(more("router = \"noisy_softmax\"\n") == 64 * 8);
    CHECK(more("router = \"hash\"\n") == -64 * 8);
    CHECK(more("other_experts = 4\nother_width = 8\n") == 4 * 3 * 64 * 8);
    const auto other = parameters(model(kGqa + moe + "other_experts = 4\nother_width = 8\n"));
    CHECK(other.active_with_embedding == base.active_with_embedding);
    // two levels: one group's gate of 2 scores is passed, not all 4
    const auto two = parameters(model(kGqa + moe + "gate_groups = 4\n"));
    CHECK(base.active_with_embedding - two.active_with_embedding == 64 * (8 - 4 - 2));
    CHECK(more("groups = 2\nper_group = 1\n") == 0);
    CHECK_THROWS_AS(more("groups = 4\nper_group = 1\n"), sim::InputError);
    CHECK_THROWS_AS(more("gate_groups = 3\n"), sim::InputError);
    CHECK_THROWS_AS(more("shared_gate = true\n"), sim::InputError);
}

TEST_CASE("layers: product keys find neurons in O((sqrt N + k^2) d)") {
    const std::string keys = "[product_key]\nexperts = 1024\nheads = 2\ntop_k = 4\nkey_dim = 32\n";
    const auto m = model(kGqa + keys);
    CHECK(of_class(m, "product_key") == 1024 * 2 * 64);
    CHECK(of_class(m, "dense") == 64 * 2 * 32 + 2 * 2 * 16 * 32);  // queries; two halves of keys
    const auto p = parameters(m);
    CHECK(p.total - p.active_with_embedding == (1024 - 2 * 4) * 2 * 64);
    CHECK_THROWS_AS(
        model(kGqa + "[product_key]\nexperts = 1000\nheads = 2\ntop_k = 4\nkey_dim = 32\n"),
        sim::InputError);
    CHECK_THROWS_AS(
        model(kGqa + "[product_key]\nexperts = 16\nheads = 2\ntop_k = 5\nkey_dim = 32\n"),
        sim::InputError);
}

TEST_CASE("layers: a pattern with counts begins anew until every layer has a letter") {
    const std::string parts = kGqa + kDense + "[moe]\nexperts = 8\ntop_k = 2\nwidth = 16\n";
    const auto m = model("pattern = \"D2M\"\n[layer.D]\nffn = \"dense\"\n[layer.M]\n" + parts, 5);
    CHECK(m.layers == std::vector<int>{0, 0, 1, 0, 0});
    CHECK(m.layer(2).moe);
    const auto refused = [&](const std::string& keys) {
        CHECK_THROWS_AS(model(keys + parts, 5), sim::InputError);
    };
    refused("pattern = \"DX\"\n[layer.D]\nffn = \"dense\"\n");
    refused("pattern = \"D9\"\n[layer.D]\nffn = \"dense\"\n");
    refused("pattern = \"3D\"\n[layer.D]\nffn = \"dense\"\n");
    refused("pattern = \"D0M\"\n[layer.D]\nffn = \"dense\"\n[layer.M]\n");
    refused("pattern = \"\"\n[layer.D]\n");
    refused("pattern = \"D99999999999\"\n[layer.D]\n");
    refused("pattern = \"D\"\n[layer.D]\nmixer = \"none\"\nffn = \"none\"\n");
    refused("pattern = \"D\"\n[layer.D]\nmixer = \"mamba\"\n");
}

TEST_CASE("layers: MoE in every second layer, a dense residual beside, keys shared by two layers") {
    const std::string moe = "[moe]\nexperts = 8\ntop_k = 2\nwidth = 16\n";
    const auto second = model(kGqa + kDense + moe + "every = 2\n", 4);
    CHECK(second.layers == std::vector<int>{0, 1, 0, 1});
    CHECK(second.layer(1).moe);
    const auto beside = model(kGqa + kDense + "beside_moe = true\n" + moe, 2);
    CHECK(beside.layers == std::vector<int>{0, 0});
    CHECK(of_class(beside, "dense") == 2 * 3 * 64 * 128);
    CHECK(of_class(beside, "routed") == 2 * 8 * 3 * 64 * 16);
    const auto shared =
        model("pattern = \"KS\"\n[layer.K]\n[layer.S]\nshares_kv = true\n" + kGqa + moe, 4);
    CHECK(models::kv_bytes_per_token(shared) == 2 * 2 * (2 * 2 * 16));
    CHECK(of_class(shared, "attention") == 2 * (64 * 128 + 64 * 64) + 2 * (64 * 64 + 64 * 64));
    CHECK_THROWS_AS(model(kGqa + moe + "every = 2\n", 4), sim::InputError);
}

TEST_CASE("layers: repeated blocks count mixer and dense part twice, experts once") {
    const std::string parts = kGqa + kDense + "[moe]\nexperts = 8\ntop_k = 2\nwidth = 16\n";
    const auto m = model("pattern = \"S\"\n[layer.S]\nffn = \"both\"\nblocks = 2\n" + parts);
    CHECK(of_class(m, "attention") == 2 * (64 * 128 + 64 * 64));
    CHECK(of_class(m, "dense") == 2 * 3 * 64 * 128);
    CHECK(of_class(m, "routed") == 8 * 3 * 64 * 16);
    CHECK(of_class(m, "norms") == 4 * 64 + 64);
    CHECK(models::kv_bytes_per_token(m) == 2 * 2 * (2 * 2 * 16));
}

TEST_CASE("layers: decoders look at the encoder, encoders at everything") {
    const auto m = model("encoder_layers = 1\n" + kGqa + kDense, 3);
    CHECK(m.layers == std::vector<int>{0, 1, 1});
    CHECK_FALSE(m.layer(0).attention.causal);
    REQUIRE(m.layer(1).cross);
    // self attention in 3 layers, cross attention of the same size in 2
    CHECK(of_class(m, "attention") == 5 * (64 * 128 + 64 * 64));
    CHECK(of_class(m, "norms") == 2 * 64 + 3 * 2 * 64 + 2 * 64);
    // scores: 256 a key; encoder 1,024 keys, decoders 512 and 1,024 of the source each
    CHECK(models::flops_per_token(m, 1024).forward_causal ==
          2 * (5 * 12288.0 + 3 * 24576.0) + 256 * (1024.0 + 2 * (512 + 1024)));
    CHECK_THROWS_AS(model("encoder_layers = 3\n" + kGqa + kDense, 3), sim::InputError);
}

TEST_CASE("layers: positions, a tower and an MTP layer of another kind") {
    const auto base = parameters(model(kGqa + kDense));
    const auto positions = parameters(model("position_embeddings = 100\n" + kGqa + kDense));
    CHECK(positions.by_class.at("position") == 100 * 64);
    CHECK(positions.total - base.total == 100 * 64);
    const auto tower = model(kGqa + kDense +
                             "[extra]\nname = \"tower\"\nparameters = 1000\nactive = 400\n"
                             "flops_per_token = 900\n");
    CHECK(parameters(tower).total - base.total == 1000);
    CHECK(parameters(tower).active_with_embedding - base.active_with_embedding == 400);
    CHECK(models::flops_per_token(tower, 64).training_causal -
              models::flops_per_token(model(kGqa + kDense), 64).training_causal ==
          2700);
    const std::string parts = kGqa + kDense;
    const auto m = model(
        "pattern = \"A\"\nmtp_layers = 1\nmtp_layer = \"B\"\n[layer.A]\nffn = "
        "\"none\"\n[layer.B]\n" +
        parts);
    // projection 2 h^2, three norms, a layer of attention and dense with two norms
    CHECK(of_class(m, "mtp") == 2 * 64 * 64 + 3 * 64 + 64 * 128 + 64 * 64 + 3 * 64 * 128 + 2 * 64);
    CHECK_THROWS_AS(model("refuse = \"nobody knows\"\n" + parts), sim::InputError);
}
