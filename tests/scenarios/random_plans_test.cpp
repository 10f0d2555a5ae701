#include <catch2/catch.hpp>

#include <fmt/format.h>

#include <cmath>
#include <ctime>
#include <random>
#include <regex>

#include "analysis/result.hpp"
#include "models/model.hpp"
#include "sim/paths.hpp"

using namespace moesim;

namespace {

constexpr int kPlans = 160;

class Draw {
public:
    explicit Draw(unsigned seed) : random_{seed} {}
    int below(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
    bool chance(int percent) { return below(100) < percent; }
    int power_of_two(int most) { return 1 << below(most + 1); }
    template <class T>
    T one_of(std::initializer_list<T> all) {
        return *(all.begin() + below(static_cast<int>(all.size())));
    }
    std::string some_of(std::initializer_list<const char*> all, int percent) {
        std::string out;
        for (const char* word : all)
            if (chance(percent)) out += fmt::format("{}\"{}\"", out.empty() ? "" : ", ", word);
        return "[" + out + "]";
    }

private:
    std::mt19937 random_;  // its sequence is the same everywhere
};

/// A plan that people might write for up to 1,024 GPUs: often one that fits, often one that does
/// not.
std::string plan(Draw& draw, const std::string& model) {
    const int tensor = draw.power_of_two(3), context = draw.chance(70) ? 1 : draw.power_of_two(2);
    const int pipeline = draw.power_of_two(4), data = draw.power_of_two(4);
    const int gpus = tensor * context * pipeline * data;
    const std::string cluster =
        draw.one_of({"{ name = \"dgx-h100\", nodes = 128 }", "{ name = \"gb200-nvl72-8racks\" }",
                     "{ name = \"rail-only\" }", "{ name = \"dgx-a100\", nodes = 128 }",
                     "{ name = \"meta-24k-roce\", nodes = 768 }"});
    const std::string schedule =
        pipeline == 1 ? "none"
                      : draw.one_of({"gpipe", "1f1b", "1f1b", "interleaved", "interleaved", "zb-h1",
                                     "zb-h2", "zbv", "chimera", "dualpipe", "dualpipev"});
    const int stages = schedule == "interleaved" ? draw.one_of({2, 3, 4}) : 1;
    const int micro = draw.one_of({1, 1, 2});
    std::string text =
        fmt::format("model = \"{}\"\ncluster = {}\ngpus = {}\n[parallel]\n", model, cluster, gpus);
    text += fmt::format("tensor = {}\ncontext = {}\npipeline = {}\ndata = {}\n", tensor, context,
                        pipeline, data);
    if (draw.chance(70)) text += fmt::format("expert = {}\n", draw.power_of_two(5));
    if (draw.chance(15)) text += fmt::format("expert_tensor = {}\n", draw.power_of_two(2));
    if (stages > 1) text += fmt::format("virtual = {}\n", stages);
    if (draw.chance(30))
        text += fmt::format("order = \"{}\"\n",
                            draw.one_of({"tp-cp-ep-dp-pp", "tp-cp-dp-ep-pp", "pp-tp-cp-ep-dp",
                                         "tp-cp-ep-pp-dp", "dp-ep-cp-tp-pp"}));
    text += fmt::format("[batch]\nglobal = {}\nmicro = {}\nsequence = {}\n",
                        data * micro * (pipeline + draw.below(pipeline + 1)), micro,
                        draw.one_of({512, 1024, 1000, 2048}));
    text += fmt::format("[step]\nschedule = \"{}\"\n", schedule);
    text += fmt::format("dispatcher = \"{}\"\n",
                        draw.one_of({"auto", "alltoall", "alltoall_pxn", "hierarchical",
                                     "allgather", "deepep", "deepep_ll", "hybridep", "nvlink"}));
    text += fmt::format("precision = \"{}\"\n",
                        draw.one_of({"bf16", "bf16", "fp8_tensor", "fp8_block", "mxfp8", "nvfp4"}));
    text += fmt::format("optimizer = \"{}\"\n",
                        draw.one_of({"none", "replicated", "zero1", "zero1", "zero2", "fsdp"}));
    if (draw.chance(50))
        text +=
            "overlap = " +
            draw.some_of({"ep", "shared_expert", "tp", "pp", "grad_reduce", "param_gather"}, 40) +
            "\n";
    if (draw.chance(50))
        text += "recompute = " +
                draw.some_of({"layernorm", "mla_up_proj", "moe_act", "core_attn", "mlp", "moe",
                              "shared_experts", "full"},
                             25) +
                "\n";
    if (draw.chance(20)) text += fmt::format("chunks = {}\n", draw.one_of({2, 4}));
    if (draw.chance(10)) text += "chunk_kind = \"tiles\"\n";
    if (draw.chance(10)) text += "context_kind = \"alltoall\"\n";
    if (draw.chance(10)) text += "layers_per_stage = \"balanced\"\n";
    if (draw.chance(20)) text += "cuda_graphs = " + draw.some_of({"attn", "moe_router"}, 50) + "\n";
    if (draw.chance(50)) text += "[routing]\nkind = \"balanced\"\n";
    return text;
}

}  // namespace

TEST_CASE("random plans: any plan for any model has parts that sum, or a key that clashes") {
    std::vector<std::string> models;
    for (const std::string& name : sim::list_data("models/zoo")) try {
            models::load_model(name);
            models.push_back(name);
        } catch (const sim::InputError&) {  // refused; zoo_test knows which
        }
    const std::regex located{R"(^plan\.toml:\d+:\d+: error: [a-z_]+(\.[a-z_0-9]+)*: .+)"};
    Draw draw{2025};
    int ran = 0;
    double slowest = 0;
    std::string slowest_plan;
    for (int i = 0; i < kPlans; ++i) {
        const std::string& model = models[static_cast<std::size_t>(i) % models.size()];
        const std::string text = plan(draw, model);
        CAPTURE(text);
        const std::clock_t begin = std::clock();
        try {
            const analysis::RunOptions options{.engine = "replay", .fold = true};
            const auto run = analysis::simulate(
                scenarios::read_scenario(sim::Table::from_text(text, "plan.toml"), 0), options);
            const auto result = analysis::result_json(run, options);
            const double time = result["step"]["time_s"];
            REQUIRE(std::isfinite(time));
            REQUIRE(time > 0);
            for (const auto& rank : result["ranks"]) {
                double sum = 0;
                for (const auto& [part, seconds] : rank["breakdown_s"].items()) {
                    CAPTURE(part);
                    REQUIRE(seconds.get<double>() >= 0);
                    sum += seconds.get<double>();
                }
                REQUIRE(sum == Approx(time).epsilon(1e-9));
            }
            const double peak = result["memory"]["peak_bytes"];
            REQUIRE(std::isfinite(peak));
            REQUIRE(result["memory"]["fits"] == (peak <= result["memory"]["capacity_bytes"]));
            ++ran;
        } catch (const sim::InputError& e) {
            INFO(e.what());
            const std::string first{e.what(), std::string_view{e.what()}.find('\n')};
            REQUIRE(std::regex_match(first, located));
        }
        const double took = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
        if (took > slowest) {
            slowest = took;
            slowest_plan = text;
        }
        REQUIRE(took < 40);  // seconds; a sanitizer is twenty times slower than a user's build
    }
    WARN(fmt::format("{} of {} plans ran, the slowest in {:.2f} s:\n{}", ran, kPlans, slowest,
                     slowest_plan));
    CHECK(ran > kPlans / 4);
}
