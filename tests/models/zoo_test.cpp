#include "models/zoo.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <set>

#include "models/counts.hpp"
#include "models/model.hpp"
#include "sim/paths.hpp"

using namespace moesim;

namespace {

/// Zoo entries that say why there is nothing to simulate.
const std::set<std::string> kRefused{"grok-3", "grok-3-mini", "mobilemoe"};

std::vector<std::string> entries() {
    std::vector<std::string> out;
    for (const std::string& name : sim::list_data("models/zoo"))
        if (!kRefused.contains(name)) out.push_back(name);
    return out;
}

double active(const models::Model& model, const models::Parameters& p) {
    if (model.active_convention == "with_embedding") return p.active_with_embedding;
    if (model.active_convention == "without_input_embedding")
        return p.active_without_input_embedding;
    return p.active_without_embedding;
}

std::string complaint(const std::string& name) {
    try {
        models::load_model(name);
    } catch (const sim::InputError& error) {
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("zoo: at least 70 models, each refused with a reason or read") {
    CHECK(entries().size() >= 70);
    for (const std::string& name : kRefused)
        CHECK(complaint(name).find("refuse: ") != std::string::npos);
    for (const std::string& name : entries()) {
        INFO(name);
        CHECK_NOTHROW(models::load_model(name));
    }
}

// Five totals are known not to be met; each entry's note says why: GShard and GLaM are rounded in
// their papers, Kimi K2 counts a layer that it has not, LIMoE's embeddings are not published, the
// parts of the GPT-4 rumour sum to more than it says.
TEST_CASE("zoo: total parameters are within 1 % of the published ones, but for five known") {
    const std::set<std::string> known{"gshard-600b", "glam-64b-64e", "kimi-k2", "limoe-h14",
                                      "gpt4-rumour-16x111b"};
    int compared = 0;
    for (const std::string& name : entries()) {
        const models::Model model = models::load_model(name);
        if (!model.published_total) continue;
        INFO(name);
        const double off = std::abs(models::parameters(model).total / *model.published_total - 1);
        CHECK((off <= 0.01) == !known.contains(name));
        if (off > 0.01) CHECK_FALSE(model.note.empty());
        ++compared;
    }
    CHECK(compared >= 62);
}

TEST_CASE("zoo: active parameters are within 1 % by the named convention, or a note says why not") {
    int met = 0;
    for (const std::string& name : entries()) {
        const models::Model model = models::load_model(name);
        if (!model.published_active) continue;
        INFO(name);
        const double off =
            std::abs(active(model, models::parameters(model)) / *model.published_active - 1);
        if (off > 0.01)
            CHECK_FALSE(model.note.empty());
        else
            ++met;
    }
    CHECK(met >= 30);
}

TEST_CASE("zoo: no two entries answer to one name") {
    std::map<std::string, std::string> owner;
    for (const std::string& name : sim::list_data("models/zoo"))
        for (const std::string& spelling : models::names_of(name)) {
            const auto [at, added] = owner.emplace(models::normalised(spelling), name);
            INFO(spelling << " is " << at->second << " and " << name);
            CHECK((added || at->second == name));
        }
}

TEST_CASE("zoo: spellings of published benchmarks find their model") {
    const std::map<std::string, std::string> spellings{
        {"DeepSeekV3", "deepseek-v3"},
        {"DeepSeek-V3", "deepseek-v3"},
        {"DeepSeekV3 (w/o MTP)", "deepseek-v3"},
        {"DeepSeekV3 (tokendrop)", "deepseek-v3"},
        {"DeepSeek-R1", "deepseek-v3"},
        {"DeepSeek-V2", "deepseek-v2"},
        {"Qwen3_30B_a3B (tokendrop)", "qwen3-30b-a3b"},
        {"Qwen3_235B_a22B", "qwen3-235b-a22b"},
        {"GPT OSS 120B", "gpt-oss-120b"},
        {"Nemotron_3_Nano", "nemotron-3-nano-30b-a3b"},
        {"Nemotron_3_Super", "nemotron-3-super-120b-a12b"},
        {"Nemotron V3 Ultra 550B", "nemotron-3-ultra-550b-a55b"},
        {"Grok-1 314B (layers scaled with GPUs)", "grok-1"},
        {"Llama4 Maverick 400B", "llama4-maverick"},
        {"Mixtral-8x22B", "mixtral-8x22b"},
        {"LLAMA3.1_405B", "llama3.1-405b-dense"},
        {"LLAMA3_8B", "llama3-8b-dense"},
        {"Llama-3 70B", "llama3-70b-dense"},
        {"Pangu Ultra MoE 718B-A39B", "pangu-ultra-moe-718b"},
        {"ERNIE-4.5-300B-A47B", "ernie-4.5-300b-a47b"},
        {"deepseek-ai/DeepSeek-V3", "deepseek-v3"},
        {"MiniMax-M2.5", "minimax-m2"}};
    for (const auto& [spelling, name] : spellings) {
        INFO(spelling);
        CHECK(models::find_model(spelling).stem() == name);
    }
}

TEST_CASE(
    "zoo: a near miss is told the nearest name or alias, an unknown path that it is no file") {
    CHECK(complaint("deepseek-v33").find("did you mean 'deepseek-v3") != std::string::npos);
    CHECK(complaint("Nemotron_3_Nanoo").find("did you mean 'Nemotron_3_Nano'?") !=
          std::string::npos);
    CHECK(complaint("no/such/model.toml").find("no file") != std::string::npos);
    CHECK(complaint("no-such/config.json").find("no file") != std::string::npos);
    CHECK(complaint("(dropless)") != "accepted");
    CHECK(complaint("") != "accepted");
}

TEST_CASE("zoo: key/value bytes and weights that papers print") {
    // MLA: 2 B x 61 layers x (512 + 64); GQA: 2 B x 2 x 126 layers x 8 heads x 128
    CHECK(models::kv_bytes_per_token(models::load_model("deepseek-v3")) == 70'272);
    CHECK(models::kv_bytes_per_token(models::load_model("llama3.1-405b-dense")) == 516'096);
    // Grok-1 in BF16: 314 B x 2 bytes are 628 GB, its own tensors 631 GB
    const double grok = 2 * models::parameters(models::load_model("grok-1")).total;
    CHECK(grok > 628e9);
    CHECK(grok < 632e9);
}
