#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "models/model.hpp"
#include "sim/input.hpp"

namespace {

using namespace moesim;

/// A model written to a file of its own, removed at the end.
class ModelFile {
public:
    explicit ModelFile(const std::string& text)
        : path_{std::filesystem::temp_directory_path() / "moesim-model-test.toml"} {
        std::ofstream{path_} << text;
    }
    ~ModelFile() { std::filesystem::remove(path_); }
    ModelFile(const ModelFile&) = delete;
    ModelFile& operator=(const ModelFile&) = delete;
    [[nodiscard]] std::string complaint() const {
        try {
            models::load_model(path_.string());
        } catch (const sim::InputError& error) {
            return error.what();
        }
        return "accepted";
    }
    [[nodiscard]] models::Model load() const { return models::load_model(path_.string()); }

private:
    std::filesystem::path path_;
};

const std::string kHead = "hidden = 64\nlayers = 4\nvocab = 100\n";
const std::string kAttention =
    "[attention]\nkind = \"gqa\"\nheads = 8\nkv_heads = 2\nhead_dim = 8\n";
const std::string kDense = "[dense]\nfirst_layers = 1\nwidth = 256\n";
const std::string kMoe = "[moe]\nexperts = 16\ntop_k = 2\nwidth = 32\n";

std::string complaint(const std::string& text) { return ModelFile{text}.complaint(); }

}  // namespace

TEST_CASE("model: deepseek-v3 has 3 dense and 58 MoE layers") {
    const auto model = models::load_model("deepseek-v3");
    REQUIRE(model.layer_count() == 61);
    CHECK(model.layers_of_kind() == std::vector<int>{3, 58});
    CHECK(model.layer(2).dense->width == 18432);
    CHECK_FALSE(model.layer(2).moe);
    REQUIRE(model.layer(3).moe);
    CHECK(model.layer(3).moe->shared_width == 2048);  // that of a routed expert when not given
    CHECK(model.layer(60).attention.qk_dim() == 192);
    CHECK(model.name == "deepseek-v3");
}

TEST_CASE("model: mixtral has MoE layers only") {
    const auto model = models::load_model("mixtral-8x7b");
    CHECK(model.layers_of_kind() == std::vector<int>{32});
    CHECK(model.layer(0).moe->experts == 8);
    CHECK(model.layer(0).moe->shared_width == 0);
}

TEST_CASE("model: a small file is read, with defaults, and echoed whole") {
    const auto model = ModelFile{kHead + kAttention + kDense + kMoe}.load();
    CHECK(model.layers == std::vector<int>{0, 1, 1, 1});
    CHECK(model.layer(3).moe->router == "softmax");
    const auto json = model.resolved();
    CHECK(json["layers"] == 4);
    CHECK(json["runs"].size() == 2);
    CHECK(json["runs"][1]["count"] == 3);
    CHECK(json["kinds"][1]["moe"]["gated"] == true);
    CHECK(json["published"]["total"].is_null());
}

TEST_CASE("model: without [moe] every layer is dense") {
    const auto model = ModelFile{kHead + kAttention + "[dense]\nwidth = 256\n"}.load();
    CHECK(model.layers == std::vector<int>{0, 0, 0, 0});
}

TEST_CASE("model: a rule across keys is refused at the key to change") {
    const auto with_moe = [](const std::string& moe) {
        return complaint(kHead + kAttention + kDense + moe);
    };
    CHECK(with_moe(kMoe) == "accepted");
    CHECK_THAT(with_moe("[moe]\nexperts = 16\ntop_k = 17\nwidth = 32\n"),
               Catch::Contains(":14:") && Catch::Contains("moe.top_k") &&
                   Catch::Contains("17 of 16 experts"));
    CHECK(with_moe(kMoe + "groups = 4\n") == "accepted");
    CHECK_THAT(with_moe(kMoe + "groups = 3\n"), Catch::Contains("moe.groups"));
    CHECK(with_moe(kMoe + "groups = 4\ngroup_limit = 4\n") == "accepted");
    CHECK_THAT(with_moe(kMoe + "groups = 4\ngroup_limit = 5\n"),
               Catch::Contains("moe.group_limit"));
    // 8 groups of 2 experts: one group cannot hold 3 choices
    CHECK_THAT(
        with_moe("[moe]\nexperts = 16\ntop_k = 3\nwidth = 32\ngroups = 8\ngroup_limit = 1\n"),
        Catch::Contains("fewer than top_k = 3"));
    CHECK_THAT(with_moe("[moe]\nexperts = 16\ntop_k = 2\nwidth = 32\nrouter = \"sigmoid_bais\"\n"),
               Catch::Contains("sigmoid_bias"));
}

TEST_CASE("model: leading dense layers need [dense] and must leave MoE layers") {
    const auto with = [](const std::string& dense, const std::string& moe) {
        return complaint(kHead + kAttention + dense + moe);
    };
    CHECK_THAT(with("[dense]\nwidth = 256\n", kMoe), Catch::Contains("dense.first_layers"));
    CHECK_THAT(with("[dense]\nwidth = 256\nfirst_layers = 5\n", kMoe),
               Catch::Contains("5 leading"));
    CHECK_THAT(with("[dense]\nwidth = 256\nfirst_layers = 4\n", kMoe), Catch::Contains("all 4"));
    CHECK(with("[dense]\nwidth = 256\nfirst_layers = 3\n", kMoe) == "accepted");
    CHECK_THAT(with("", ""), Catch::Contains("feed-forward"));
    CHECK_THAT(with("[dense]\nfirst_layers = 1\n", kMoe), Catch::Contains("dense.width"));
}

TEST_CASE("model: layers, heads and unknown words are checked") {
    CHECK_THAT(complaint("hidden = 64\nlayers = 0\nvocab = 9\n" + kAttention + kMoe),
               Catch::Contains("layers"));
    CHECK_THAT(complaint("hidden = 64\nlayers = 200000\nvocab = 9\n" + kAttention + kMoe),
               Catch::Contains("200000"));
    CHECK_THAT(
        complaint(kHead + "[attention]\nkind = \"gqa\"\nheads = 8\nkv_heads = 3\nhead_dim = 8\n" +
                  kMoe),
        Catch::Contains("attention.kv_heads"));
    CHECK_THAT(complaint(kHead + "[attention]\nkind = \"mal\"\nheads = 8\n" + kMoe),
               Catch::Contains("mla"));
    CHECK_THAT(complaint("hiden = 64\n" + kHead + kAttention + kMoe), Catch::Contains("hidden"));
    // kv_rank belongs to mla, so under gqa nobody reads it
    CHECK_THAT(complaint(kHead + kAttention + "kv_rank = 8\n" + kMoe), Catch::Contains("kv_rank"));
    CHECK_THROWS_AS(models::load_model("deepseek-v33"), sim::InputError);
}

TEST_CASE("cut: deepseek-v3 keeps the layers asked for and loses the published totals") {
    const auto model = models::load_model("deepseek-v3");
    const auto small = models::cut(model, 10, 1);
    CHECK(small.layers_of_kind() == std::vector<int>{1, 9});
    CHECK(small.layer(0).dense);
    CHECK(small.layer(1).moe);
    CHECK(small.hidden == 7168);
    CHECK_FALSE(small.published_total);
    CHECK(models::cut(model, 61, 3).published_total);  // the whole model
    CHECK(models::cut(model, 3, 3).layers_of_kind() == std::vector<int>{3, 0});
}

TEST_CASE("cut: a kind of layer that the model lacks is refused") {
    const auto mixtral = models::load_model("mixtral-8x7b");
    CHECK(models::cut(mixtral, 4, 0).layer_count() == 4);
    CHECK_THROWS_AS(models::cut(mixtral, 4, 1), std::invalid_argument);
    CHECK_THROWS_AS(models::cut(mixtral, 0, 0), std::invalid_argument);
    CHECK_THROWS_AS(models::cut(mixtral, 4, 5), std::invalid_argument);
    const auto dense = ModelFile{kHead + kAttention + "[dense]\nwidth = 256\n"}.load();
    CHECK_THROWS_AS(models::cut(dense, 4, 1), std::invalid_argument);
}
