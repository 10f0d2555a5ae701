#include <catch2/catch.hpp>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "analysis/result.hpp"
#include "models/model.hpp"
#include "sim/paths.hpp"

using namespace moesim;

namespace {

/// One step of a zoo model on eight GPUs of one node: one micro-batch of one short sequence each,
/// experts over as many of the ranks as divide them. No memory check: most do not fit, which the
/// result says.
std::string scenario(const std::string& name, const models::Model& model) {
    long experts = 0;
    for (const models::Layer& kind : model.kinds)
        if (kind.moe) experts = std::gcd(experts, long{kind.moe->experts});
    const long expert = experts > 0 ? std::gcd(experts, 8L) : 1;
    return "model = \"" + name +
           "\"\ncluster = \"node-hgx-h100\"\n[parallel]\ndata = 8\nexpert = " +
           std::to_string(expert) + "\n[batch]\nglobal = 8\nsequence = 512\n";
}

void check_finite(const nlohmann::ordered_json& json, const std::string& at) {
    if (json.is_structured())
        for (const auto& [key, value] : json.items()) check_finite(value, at + "/" + key);
    if (!json.is_number_float()) return;
    INFO(at << " = " << json.dump());
    CHECK(std::isfinite(json.get<double>()));
}

}  // namespace

TEST_CASE("zoo runs: one step of every model has parts that sum, none of them negative") {
    for (const std::string& name : sim::list_data("models/zoo")) {
        INFO(name);
        models::Model model;
        try {
            model = models::load_model(name);
        } catch (const sim::InputError&) {
            continue;  // refused; zoo_test knows which
        }
        const analysis::RunOptions options{.engine = "replay", .fold = true};
        const auto run = analysis::simulate(
            scenarios::read_scenario(sim::Table::from_text(scenario(name, model), name), 0),
            options);
        const auto result = analysis::result_json(run, options);
        const auto& step = result.at("step");
        const double time = step.at("time_s").get<double>();
        CHECK(time > 0);
        CHECK(time < 60);
        double sum = 0;
        for (const auto& [part, seconds] : step.at("breakdown_s").items()) {
            INFO(part);
            CHECK(seconds.get<double>() >= 0);
            sum += seconds.get<double>();
        }
        CHECK(sum == Approx(time).epsilon(1e-9));
        check_finite(step, "step");
        check_finite(result.at("memory"), "memory");
        CHECK(result.at("memory").at("peak_bytes").get<double>() > 0);
    }
}
