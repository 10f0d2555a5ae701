#pragma once

#include <string>
#include <vector>

#include "analysis/report.hpp"

/// A small run for tests of what a person sees: four MoE layers of Mixtral on eight GPUs, two
/// pipeline ranks, expert groups of four whose loads differ.
struct SmallRun {
    moesim::sim::Table table;
    moesim::analysis::Simulated run;
    nlohmann::ordered_json result;
    moesim::analysis::ScenarioText input;
};

/// `name` is TOML string content. `variants`: names of [[variant]]s with doubled network rate.
inline SmallRun small_run(const std::string& name = "small",
                          const std::vector<std::string>& variants = {}) {
    using namespace moesim;
    std::string text = "name = '" + name + "'\n" +
                       "model = 'mixtral-8x7b'\nlayers = 4\ncluster = 'test-2x4'\n"
                       "[parallel]\npipeline = 2\ndata = 4\nexpert = 4\n"
                       "[batch]\nglobal = 32\nsequence = 2048\n"
                       "[step]\nschedule = '1f1b'\n"
                       "[routing]\nkind = 'measured'\n";
    for (const std::string& variant : variants)
        text += "[[variant]]\nname = '" + variant + "'\nwhat_if = { nic = 2.0 }\n";
    sim::Table table = sim::Table::from_text(text, "small.toml");
    std::vector<scenarios::Scenario> all = scenarios::read_variants(table, 0);
    const analysis::RunOptions options;
    analysis::Simulated run = analysis::simulate(all.front(), options);
    nlohmann::ordered_json result = analysis::result_json(run, options);
    for (std::size_t i = 1; i < all.size(); ++i) {
        auto variant = analysis::result_json(analysis::simulate(all[i], options), options);
        variant["vs_base"] = analysis::versus(variant, result);
        variant["name"] = variant["scenario"]["name"];
        result["variants"].push_back(std::move(variant));
    }
    analysis::ScenarioText input{
        "small.toml", text, {}, analysis::given_keys(table, run.scenario.resolved)};
    return {table, std::move(run), std::move(result), std::move(input)};
}
