#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "analysis/command.hpp"
#include "analysis/output.hpp"
#include "analysis/place_loads.hpp"
#include "scenarios/placement.hpp"

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
        app.add_option("--loads", loads_, "JSON with weight, num_replicas, num_groups, ...")
            ->required();
        app.add_option("--strategy", strategy_, "how to place: a name of `moesim list`")
            ->required();
        app.add_option("--set", settings_, "KEY=VALUE of the strategy, as in [placement]");
        app.add_option("--json", json_, "write the placement as JSON ('-': standard output)");
    }

    int run(const Session& session) override { return place_loads(session); }

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

    std::string loads_, strategy_, json_;
    std::vector<std::string> settings_;
};

const sim::Register<Command, Place> entry{"place",
                                          "experts to slots by a strategy, from their loads"};

}  // namespace
}  // namespace moesim::analysis
