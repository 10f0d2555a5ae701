#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "models/counts.hpp"
#include "models/hf/import.hpp"
#include "models/model.hpp"
#include "sim/input.hpp"

using namespace moesim;
namespace fs = std::filesystem;

namespace {

const fs::path kConfigs = fs::path{MOESIM_SOURCE_DIR} / "tests/models/hf";

/// What a model computes, without what people call it.
nlohmann::ordered_json shape(const models::Model& model) {
    nlohmann::ordered_json out = model.resolved();
    for (const char* key :
         {"name", "title", "published", "confidence", "aliases", "note", "assumed"})
        out.erase(key);
    return out;
}

nlohmann::json config(const std::string& name) {
    return nlohmann::json::parse(std::ifstream{kConfigs / (name + ".json")});
}

/// A config.json with this text, removed at the end.
class File {
public:
    explicit File(const std::string& text)
        : path_{fs::temp_directory_path() / "moesim-hf-import-test.json"} {
        std::ofstream{path_} << text;
    }
    ~File() { fs::remove(path_); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    [[nodiscard]] models::Model load() const { return models::load_model(path_.string()); }
    [[nodiscard]] std::string complaint() const {
        try {
            static_cast<void>(load());
        } catch (const sim::InputError& error) {
            return error.what();
        }
        return "accepted";
    }

private:
    fs::path path_;
};

std::string complaint(const nlohmann::json& json) { return File{json.dump(2)}.complaint(); }

bool says(const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
    return text.find(part) != std::string::npos;
}

}  // namespace

// tests/models/hf/NAME.json: the published values of the zoo's NAME as its family writes them.
TEST_CASE("hf import: a config of each family is the zoo's model, field for field") {
    int compared = 0;
    for (const auto& file : fs::directory_iterator{kConfigs}) {
        const std::string name = file.path().stem().string();
        INFO(name);
        const models::Model zoo = models::load_model(name);
        const models::Model imported = models::load_model(file.path().string());
        CHECK(shape(imported) == shape(zoo));
        CHECK(imported.extra == zoo.extra);
        CHECK(models::parameters(imported).total == models::parameters(zoo).total);
        CHECK_FALSE(imported.import.family.empty());
        ++compared;
    }
    CHECK(compared >= 35);
}

TEST_CASE("hf import: what a file leaves out is filled in as transformers does, and written down") {
    auto mixtral = config("mixtral-8x22b");
    mixtral.erase("num_key_value_heads");
    const models::Model model = File{mixtral.dump()}.load();
    CHECK(model.layer(0).attention.kv_heads == 48);  // as many as heads
    const auto& filled = model.import.filled;
    CHECK(std::find(filled.begin(), filled.end(), "num_key_value_heads = 48") != filled.end());
    // hidden_size / num_attention_heads
    CHECK(std::find(filled.begin(), filled.end(), "head_dim = 128") != filled.end());
}

TEST_CASE("hf import: quantisation is passed over and said so") {
    const models::Model model = models::load_model((kConfigs / "gpt-oss-120b.json").string());
    REQUIRE(model.import.ignored.size() == 1);
    CHECK(model.import.ignored[0].find("quantization_config (mxfp4)") == 0);
}

TEST_CASE("hf import: a family is found by its architecture when there is no model_type") {
    auto json = config("qwen3-235b-a22b");
    json.erase("model_type");
    CHECK(File{json.dump()}.load().import.family == "qwen3_moe");
}

TEST_CASE("hf import: an unknown family is refused with the known ones and a TOML to write") {
    auto json = config("mixtral-8x22b");
    json["model_type"] = "mixtrel";
    json["architectures"] = {"MixtrelForCausalLM"};
    const std::string text = complaint(json);
    says(text, "/model_type: unknown family 'mixtrel'");
    says(text, "did you mean 'mixtral'?");
    says(text, "deepseek_v3");
    says(text, "hidden = 6144");
}

TEST_CASE("hf import: a broken config gives a located message") {
    const auto changed = [](const char* key, const nlohmann::json& value) {
        auto json = config("mixtral-8x22b");
        json[key] = value;
        return complaint(json);
    };
    auto json = config("mixtral-8x22b");
    json.erase("hidden_size");
    says(complaint(json), ":1:1: error: /hidden_size: missing; expected a whole number");
    says(changed("num_local_experts", "8"), "/num_local_experts: expected a whole number");
    says(changed("num_local_experts", 0), "/num_local_experts: 0 is less than 1");
    says(changed("num_local_experts", -8), "/num_local_experts: -8 is less than 1");
    says(changed("num_experts_per_tok", 9), "/num_experts_per_tok: 9 of 8 experts");
    says(changed("num_key_value_heads", 7), "/num_key_value_heads: 48 heads cannot share 7");
    says(changed("num_attention_heads", 40), "is not divisible by 40 heads");
    says(changed("num_hidden_layers", 1e30),
         "/num_hidden_layers: 1e+30 is more than any model has");
    says(changed("num_hidden_layers", 1.5), "/num_hidden_layers: expected a whole number");
    says(changed("hidden_size", {1, 2}), "/hidden_size: expected a whole number, found a list");
}

TEST_CASE("hf import: JSON that is none is refused where it breaks") {
    const std::string text = config("mixtral-8x22b").dump(2);
    says(File{text.substr(0, text.size() / 2)}.complaint(), "error: not JSON: ");
    says(File{""}.complaint(), "an empty file");
    says(File{"[1, 2]"}.complaint(), "expected an object, found a list");
    says(File{"{\"a\": 1, \"a\": 2}"}.complaint(), ":1:10: error: the key 'a' comes twice");
    says(File{std::string(1'000'000, '[')}.complaint(), "nested deeper than 64 levels");
    says(File{"{\"a\": 01}"}.complaint(), "a number begins with 0");
    auto infinite = text;
    infinite.replace(infinite.find("6144"), 4, "Infinity");
    says(File{infinite}.complaint(), "/hidden_size: expected a whole number");
}
