#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "analysis/result.hpp"
#include "models/counts.hpp"
#include "scenarios/layer_costs.hpp"
#include "scenarios/lowering.hpp"
#include "topologies/kernel_forms.hpp"

namespace {

using namespace moesim;
using scenarios::Segment;

const std::string kMoe = "[moe]\nexperts = 8\ntop_k = 2\nwidth = 512\n";
const std::string kGqa = "[attention]\nkind = \"gqa\"\nheads = 16\nkv_heads = 4\nhead_dim = 64\n";

/// A scenario of two layers of hidden size 1,024 on eight GPUs of one node.
scenarios::Scenario scenario(const std::string& model, const std::vector<std::string>& sets = {}) {
    const auto path = std::filesystem::temp_directory_path() / "moesim-lower-kinds-test.toml";
    std::ofstream{path} << "hidden = 1024\nvocab = 1000\nlayers = 2\n" << model;
    auto table = sim::Table::from_text(
        "model = \"" + path.string() +
            "\"\ncluster = \"dgx-superpod-4su\"\ngpus = 8\n"
            "[parallel]\ndata = 8\nexpert = 8\n"
            "[batch]\nglobal = 16\nmicro = 1\nsequence = 4096\n"
            "[step]\nschedule = \"none\"\ndispatcher = \"alltoall\"\nprecision = \"bf16\"\n",
        "test.toml");
    for (const std::string& set : sets) table.set(set);
    const auto out = scenarios::read_scenario(table, 0);
    std::filesystem::remove(path);
    return out;
}

std::map<std::string, double> kernels(const scenarios::Scenario& s, Segment segment, int kind = 0) {
    const scenarios::LayerCosts costs{s, 1, 8192, 1};
    const scenarios::Item item{scenarios::Item::Type::layer, 0, kind, -1};
    return costs.get(item, segment, false).kernels;
}
double attention_core(const std::string& keys) {
    return kernels(scenario(kGqa + keys + kMoe), Segment::attention_forward).at("attention core");
}

struct Kind {
    const char* name;
    std::string model;
    const char* kernel;  // one that only this kind runs, "" for none
};
const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all{
        {"window", kGqa + "window = 128\n" + kMoe, "attention core"},
        {"chunk", kGqa + "chunk = 512\n" + kMoe, "attention core"},
        {"indexer",
         "[attention]\nkind = \"mla\"\nheads = 8\nq_rank = 64\nkv_rank = 64\nnope_dim = 32\n"
         "rope_dim = 16\nv_dim = 32\nindex_heads = 4\nindex_dim = 32\nindex_top_k = 256\n" +
             kMoe,
         "index scores"},
        {"csa",
         "[attention]\nkind = \"csa\"\nheads = 8\nhead_dim = 64\nq_rank = 64\nwindow = 128\n"
         "compress = 4\no_groups = 2\no_rank = 64\nindex_heads = 4\nindex_dim = 32\n"
         "index_top_k = 256\n" +
             kMoe,
         "compressor"},
        {"moa",
         "[attention]\nkind = \"moa\"\nheads = 16\nkv_heads = 8\nhead_dim = 64\nexperts = 8\n"
         "top_k = 2\n" +
             kMoe,
         "moa_router"},
        {"lightning", "[attention]\nkind = \"lightning\"\nheads = 16\nhead_dim = 64\n" + kMoe,
         "linear attention state"},
        {"gated_delta",
         "[attention]\nkind = \"gated_delta\"\nheads = 16\nkv_heads = 8\nhead_dim = 64\n" + kMoe,
         "linear attention correction"},
        {"kda", "[attention]\nkind = \"kda\"\nheads = 16\nhead_dim = 64\n" + kMoe, "conv1d"},
        {"mamba2",
         "[attention]\nkind = \"mamba2\"\nheads = 32\nhead_dim = 64\nstate = 128\ngroups = 8\n" +
             kMoe,
         "scan inside chunk"},
        {"mamba1",
         "[attention]\nkind = \"mamba1\"\nwidth = 2048\nstate = 16\ndt_rank = 64\n" + kMoe,
         "selective_scan"},
        {"lstm", "[attention]\nkind = \"lstm\"\nwidth = 2048\nprojection = 1024\n" + kMoe,
         "recurrent"},
        {"experts alone", "pattern = \"E\"\n[layer.E]\nmixer = \"none\"\n" + kMoe, "router"},
        {"mixers and experts in turn",
         "pattern = \"AE\"\n[layer.A]\nffn = \"none\"\n[layer.E]\nmixer = \"none\"\n" + kGqa + kMoe,
         "attention core"},
        {"latent", kGqa + kMoe + "latent = 256\n", "latent_in"},
        {"zero experts", kGqa + kMoe + "zero_experts = 8\n", "router"},
        {"two levels", kGqa + kMoe + "gate_groups = 4\n", "router_inner"},
        {"hash", kGqa + kMoe + "router = \"hash\"\n", "attention core"},
        {"prototypes", kGqa + kMoe + "groups = 2\nper_group = 1\n", "router"},
        {"other experts", kGqa + kMoe + "other_experts = 8\nother_width = 64\n", "router"},
        {"dense residual", kGqa + "[dense]\nwidth = 2048\nbeside_moe = true\n" + kMoe, "router"},
        {"two blocks",
         "pattern = \"S\"\n[layer.S]\nffn = \"both\"\nblocks = 2\n" + kGqa +
             "[dense]\nwidth = 2048\n" + kMoe,
         "router"},
        {"encoder-decoder", "encoder_layers = 1\n" + kGqa + kMoe, "attention core"},
        {"product keys",
         kGqa + "[product_key]\nexperts = 65536\nheads = 8\ntop_k = 16\nkey_dim = 128\n",
         "attention core"},
        {"tower", kGqa + kMoe + "[extra]\nparameters = 1e8\nflops_per_token = 1e9\n",
         "attention core"}};
    return all;
}

}  // namespace

TEST_CASE("kinds: every layer kind simulates a step whose parts sum") {
    for (const Kind& kind : kinds()) {
        INFO(kind.name);
        const bool moe = kind.model.find("[moe]") != std::string::npos;
        const auto s = scenario(kind.model, {moe ? "parallel.expert=8" : "parallel.expert=1"});
        const auto forward = kernels(s, Segment::attention_forward);
        CHECK(forward.contains(kind.kernel));
        for (int segment = 0; segment < scenarios::kSegments; ++segment)
            for (const auto& [name, seconds] : kernels(s, static_cast<Segment>(segment))) {
                INFO(name);
                CHECK(std::isfinite(seconds));
                CHECK(seconds >= 0);
            }
        const auto run = analysis::simulate(s, {"replay", true});
        CHECK(std::isfinite(run.line.makespan));
        CHECK(run.line.makespan > 0);
    }
}

TEST_CASE("kinds: a chunked attention costs what its chunks cost, a window less than everything") {
    const double all = attention_core("");
    CHECK(attention_core("chunk = 8192\n") == all);
    CHECK(attention_core("window = 4096\n") == Approx(all).epsilon(0.05));
    // 8 chunks of 512 tokens: an eighth of the scores, at the lower rate of short sequences
    CHECK(attention_core("chunk = 512\n") < all / 2);
    CHECK(attention_core("window = 128\n") < all / 2);
    CHECK(attention_core("window = 128\n") < attention_core("window = 512\n"));
    CHECK(attention_core("causal = false\n") > 1.5 * all);
}

TEST_CASE("kinds: a window is asked for as chunks with the same blocks of scores") {
    topologies::AttentionCore q;
    q.batch = 2, q.heads = 4, q.sequence = 4096, q.window = 448;
    const auto chunks = topologies::without_window(q);
    // 448 + 128 keys a query; a causal chunk of 1,024 has 512 + 64
    CHECK(chunks.sequence == 1024);
    CHECK(chunks.batch == 8);
    q.window = 4096;  // reaches over the sequence
    CHECK(topologies::without_window(q).sequence == 4096);
}

TEST_CASE("kinds: a Mamba-2 layer runs the four products of its chunks, twice each backward") {
    const auto s = scenario(
        "[attention]\nkind = \"mamba2\"\nheads = 32\nhead_dim = 64\nstate = 128\ngroups = 8\n"
        "scan_chunk = 128\n" +
        kMoe);
    const auto forward = kernels(s, Segment::attention_forward);
    const auto backward = kernels(s, Segment::attention_input);
    CHECK_FALSE(forward.contains("attention core"));
    for (const char* name :
         {"scan scores", "scan inside chunk", "scan chunk state", "scan across chunks"}) {
        INFO(name);
        CHECK(forward.at(name) > 0);
        CHECK(backward.at(std::string{name} + " gradient") > forward.at(name));
    }
    CHECK(backward.at("scan chunk state") == forward.at("scan chunk state"));  // built again
    // A scan twice as long takes twice as long, unlike scores, which take four times.
    const auto longer = scenario(
        "[attention]\nkind = \"mamba2\"\nheads = 32\nhead_dim = 64\nstate = 128\ngroups = 8\n"
        "scan_chunk = 128\n" +
            kMoe,
        {"batch.sequence=8192"});
    CHECK(kernels(longer, Segment::attention_forward).at("scan inside chunk") <
          2.1 * forward.at("scan inside chunk"));
}

TEST_CASE("kinds: what travels is as wide as the latent, and zero experts send nothing") {
    const auto sent = [](const std::string& moe) {
        const auto json = analysis::result_json(
            analysis::simulate(scenario(kGqa + kMoe + moe), {"replay", true}), {"replay", true});
        return json["communication"]["by_kind"]["ep"]["bytes"].get<double>();
    };
    const double plain = sent("");
    CHECK(sent("latent = 256\n") == Approx(plain / 4).epsilon(0.02));  // 256 of 1,024
    // 2 choices among 8 real and 8 zero experts: one real one, so no second copy
    CHECK(sent("zero_experts = 8\n") < 0.6 * plain);
}

TEST_CASE("kinds: repeated blocks cost twice, parts that a layer lacks cost nothing") {
    const std::string parts = kGqa + "[dense]\nwidth = 2048\n" + kMoe;
    const auto once = scenario("pattern = \"S\"\n[layer.S]\nffn = \"both\"\n" + parts);
    const auto twice = scenario("pattern = \"S\"\n[layer.S]\nffn = \"both\"\nblocks = 2\n" + parts);
    const auto of = [](const scenarios::Scenario& s, Segment segment, const char* name) {
        return kernels(s, segment).at(name);
    };
    CHECK(of(twice, Segment::attention_forward, "attention core") ==
          Approx(2 * of(once, Segment::attention_forward, "attention core")));
    CHECK(of(twice, Segment::attention_forward, "router") ==
          of(once, Segment::attention_forward, "router"));
    const auto alone = scenario(
        "pattern = \"AE\"\n[layer.A]\nffn = \"none\"\n[layer.E]\n"
        "mixer = \"none\"\n" +
        kGqa + kMoe);
    CHECK(kernels(alone, Segment::ffn_forward, 0).empty());
    CHECK_FALSE(kernels(alone, Segment::attention_forward, 0).contains("router"));
    CHECK_FALSE(kernels(alone, Segment::attention_forward, 1).contains("rope"));
    // one norm each where a whole layer has two
    const auto whole = scenario(kGqa + kMoe);
    const double both = of(whole, Segment::attention_forward, "rmsnorm");
    CHECK(kernels(alone, Segment::attention_forward, 0).at("rmsnorm") == Approx(both / 2));
    CHECK(kernels(alone, Segment::attention_forward, 1).at("rmsnorm") == Approx(both / 2));
}
