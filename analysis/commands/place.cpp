#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "analysis/command.hpp"
#include "analysis/jobs.hpp"
#include "analysis/output.hpp"
#include "analysis/place_loads.hpp"
#include "analysis/place_scenario.hpp"
#include "scenarios/placement.hpp"
#include "scenarios/scenario.hpp"

namespace moesim::analysis {
namespace {

using scenarios::Placement;
using scenarios::PlacementInput;
using scenarios::PlacementStrategies;

/// The strategy of that name, with the [placement] table that `settings` stand for.
std::unique_ptr<scenarios::PlacementStrategy> make(const std::string& name,
                                                   const std::vector<std::string>& settings) {
    const std::vector<std::string> known = PlacementStrategies::names();
    if (std::find(known.begin(), known.end(), name) == known.end()) {
        const std::string near = sim::nearest(name, known);
        throw sim::InputError(
            fmt::format("--strategy: error: unknown strategy '{}'\n{}help: known: {}", name,
                        near.empty() ? "" : fmt::format("help: did you mean '{}'?\n", near),
                        fmt::join(known, ", ")));
    }
    sim::Table table = sim::Table::from_text("", "--set");
    for (const std::string& setting : settings) table.set(setting);
    auto out = PlacementStrategies::make(name, table);
    table.finish();
    return out;
}

class Place final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("scenario", scenario_, "a scenario (TOML): strategies judged by its step");
        app.add_option("--strategies", strategies_, "names, or all (with a scenario)")
            ->delimiter(',');
        app.add_option("--loads", loads_, "JSON with weight, num_replicas, num_groups, ...");
        app.add_option("--strategy", strategy_, "how to place: a name of `moesim list`");
        app.add_option("--set", settings_,
                       "KEY=VALUE: of the scenario, or with --loads of the strategy");
        app.add_option("--jobs", jobs_, "processes at once")->check(CLI::Range(1, 1024));
        app.add_option("--export", export_, "file for the scenario's own (or the best) placement");
        app.add_option("--form", form_, "of --export: sglang, vllm, trtllm or eplb")
            ->check(CLI::IsMember({"sglang", "vllm", "trtllm", "eplb"}));
        app.add_option("--json", json_, "write the answer as JSON ('-': standard output)");
    }

    int run(const Session& session) override {
        if (scenario_.empty() == loads_.empty())
            throw sim::InputError("moesim place: error: a scenario or --loads, one of them");
        if (!loads_.empty() && strategy_.empty())
            throw sim::InputError("moesim place: error: --loads needs --strategy");
        return loads_.empty() ? place_in_scenario(session) : place_loads(session);
    }

private:
    /// One strategy on loads alone, with no model and no cluster.
    int place_loads(const Session& session) const {
        const auto strategy = make(strategy_, settings_);
        PlacementInput input = read_loads(loads_);
        input.seed = session.seed;
        if (const std::string why = strategy->refuse(input); !why.empty())
            throw sim::InputError(fmt::format("{}: error: {}: {}", loads_, strategy_, why));
        const Placement placement = strategy->place(input);
        check(placement, input);
        if (!json_.empty()) write_json(json_, to_json(placement, input));
        say(fmt::format("{}: {} experts in {} slots on {} GPUs in {} node{}\n{}", strategy_,
                        input.weight.front().size(), input.slots, input.gpus, input.nodes,
                        input.nodes == 1 ? "" : "s", to_text(placement, input)));
        return 0;
    }

    /// Strategies on a scenario's routing; the best, or the one named, is exported.
    int place_in_scenario(const Session& session) const {
        sim::Table table = sim::Table::from_file(scenario_);
        for (const std::string& setting : settings_) table.set(setting);
        std::vector<std::string> names = strategies_;
        if (!strategy_.empty()) names.push_back(strategy_);
        if (names.empty()) names.push_back("all");
        const nlohmann::ordered_json result =
            place_scenario(table, names, session.seed, jobs_ > 0 ? jobs_ : cores());
        if (!json_.empty()) write_json(json_, result);
        say(place_summary(result));
        if (export_.empty()) return 0;
        const std::string best = result["strategies"][0]["strategy"];
        table.set("placement.strategy=\"" + best + "\"");
        const scenarios::Scenario s = scenarios::read_scenario(table.clone(), session.seed);
        int first = 0;
        while (first < s.model.layer_count() && !s.model.layer(first).moe) ++first;
        write_file(export_, export_placement(placement_of(table, session.seed), form_, first));
        say(fmt::format("\n  {} written to {} ({})\n", best, export_, form_));
        return 0;
    }

    std::string scenario_, loads_, strategy_, json_, export_, form_ = "sglang";
    std::vector<std::string> settings_, strategies_;
    int jobs_ = 0;
};

const sim::Register<Command, Place> entry{
    "place", "experts to slots, by strategies, from loads or a scenario"};

}  // namespace
}  // namespace moesim::analysis
