#include "analysis/validation/claims.hpp"

#include <catch2/catch.hpp>

#include "sim/paths.hpp"

using namespace moesim;
using namespace moesim::analysis;

namespace {

const RunOptions kReplay{.engine = "replay", .fold = true};

nlohmann::ordered_json judge(const std::string& text) {
    return judge_claim(
        sim::Table::from_text("[claim]\nid = 'C1'\nsays = 's'\nsource = 't'\n" + text, "c.toml"),
        kReplay);
}

std::string figure(const std::string& value, const std::string& bounds) {
    return "[[claim.figure]]\nvalue = '" + value + "'\nstated = 2\n" + bounds + "\n";
}

std::string complaint(const std::string& text) {
    try {
        judge(text);
    } catch (const sim::InputError& e) {
        return e.what();
    }
    return "";
}

}  // namespace

TEST_CASE("claims: the verdict follows from the figures") {
    const std::string yes = figure("1 + 1", "least = 2\nmost = 2"), no = figure("3", "most = 2.5");
    CHECK(judge(yes)["verdict"] == "holds");
    CHECK(judge(yes + no)["verdict"] == "holds under conditions");
    CHECK(judge(no)["verdict"] == "does not hold");
    CHECK(judge("why = 'no number'\n")["verdict"] == "cannot be checked");
    CHECK(judge(no)["figures"][0]["simulated"] == 3);
}

TEST_CASE("claims: names stand for what was counted and simulated") {
    // 671 G parameters of which 37.6 G work (DeepSeek-V3, with embeddings).
    CHECK(judge("models = { v3 = 'deepseek-v3' }\n" +
                figure("v3.parameters / v3.active", "least = 17.8\nmost = 17.9"))["verdict"] ==
          "holds");
    const std::string scenario =
        "model = 'mixtral-8x7b'\nlayers = 2\ncluster = 'test-2x4'\n"
        "parallel = { data = 8, expert = 8 }\nbatch = { global = 8, sequence = 1024 }\n";
    const auto judged = judge_claim(
        sim::Table::from_text(
            scenario +
                "[[variant]]\nname = 'half'\nwhat_if = { gemm = 0.5 }\n"
                "[claim]\nid = 'C1'\nsays = 's'\nsource = 't'\n" +
                figure("half.kernels_s.down / base.kernels_s.down", "least = 1.999\nmost = 2.001"),
            "c.toml"),
        kReplay);
    CHECK(judged["verdict"] == "holds");
}

TEST_CASE("claims: what cannot be judged is refused") {
    CHECK(complaint("").find("claim: no figure") != std::string::npos);
    CHECK(complaint(figure("2", "")).find("no bounds") != std::string::npos);
    CHECK(complaint(figure("2", "least = 3\nmost = 2")).find("below least") != std::string::npos);
    CHECK(complaint(figure("base.step.time_s", "most = 2")).find("nothing simulated") !=
          std::string::npos);
    CHECK(complaint(figure("1 / 0", "most = 2")).find("no number") != std::string::npos);
    CHECK_FALSE(complaint("wy = 'x'\n" + figure("2", "most = 2")).empty());
}

TEST_CASE("claims: there is one file for each of C1 to C26, and it says where it is from") {
    std::vector<int> numbers;
    for (const std::string& name : sim::list_data("scenarios/claims")) {
        sim::Table table = sim::Table::from_file(sim::find_data("claim", "scenarios/claims", name));
        sim::Table claim = table.table("claim");
        numbers.push_back(std::stoi(claim.text("id").substr(1)));
        CHECK_FALSE(claim.text("source").empty());
        // A verdict is never written down: there is no key for it.
        CHECK((claim.has("figure") || claim.has("why")));
    }
    std::sort(numbers.begin(), numbers.end());
    REQUIRE(numbers.size() == 26);
    for (int i = 0; i < 26; ++i) CHECK(numbers[static_cast<std::size_t>(i)] == i + 1);
}
