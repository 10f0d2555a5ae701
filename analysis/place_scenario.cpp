#include "analysis/place_scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "analysis/comparison.hpp"
#include "analysis/jobs.hpp"
#include "scenarios/loads.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;
using scenarios::Placement;

namespace {

sim::Table with_strategy(const sim::Table& scenario, const std::string& strategy) {
    sim::Table changed = scenario.clone();
    changed.set("placement.strategy=\"" + strategy + "\"");
    changed.set("name=\"" + strategy + "\"");
    return changed;
}

ordered_json judged(const sim::Table& scenario, const std::string& strategy, std::uint64_t seed) {
    ordered_json out{{"strategy", strategy}};
    try {
        const RunOptions options;
        const scenarios::Scenario s =
            scenarios::read_scenario(with_strategy(scenario, strategy), seed);
        const ordered_json result = result_json(simulate(s, options), options);
        out["step_time_s"] = result["step"]["time_s"];
        out["routing_digest"] = routing_digest(s);
        out["result"] = result;
    } catch (const sim::InputError& e) {
        out["reason"] = e.what();
    }
    return out;
}

std::vector<std::string> chosen(const std::vector<std::string>& strategies) {
    if (strategies.size() != 1 || strategies.front() != "all") return strategies;
    std::vector<std::string> all = scenarios::PlacementStrategies::names();
    all.insert(all.end(), {"shadowing", "least_loaded"});
    return all;
}

std::vector<int> run_of(int count) {
    std::vector<int> out(static_cast<std::size_t>(count));
    std::iota(out.begin(), out.end(), 0);
    return out;
}

}  // namespace

ordered_json place_scenario(const sim::Table& scenario, const std::vector<std::string>& strategies,
                            std::uint64_t seed, int jobs) {
    static_cast<void>(
        scenarios::read_scenario(scenario.clone(), seed));  // complain once, not per job
    std::vector<std::function<std::string()>> work;
    for (const std::string& strategy : chosen(strategies))
        work.emplace_back(
            [&scenario, strategy, seed] { return judged(scenario, strategy, seed).dump(); });
    std::vector<ordered_json> all;
    for (const std::string& text : run_jobs(work, jobs)) all.push_back(ordered_json::parse(text));
    const auto base = std::find_if(all.begin(), all.end(),
                                   [](const ordered_json& r) { return r.contains("result"); });
    ordered_json out;
    if (base != all.end()) {
        const ordered_json reference = (*base)["result"];
        out["base"] = (*base)["strategy"];
        out["routing_digest"] = (*base)["routing_digest"];
        for (ordered_json& one : all) {
            if (!one.contains("result")) continue;
            one["vs_base"] = versus(one["result"], reference);
            one["load"] = one["result"]["load"];
            one["load"].erase("by_layer");
            one["memory"] = one["result"]["memory"];
            one["move"] = one["result"]["placement"]["move"];
            one.erase("result");
        }
    }
    std::stable_sort(all.begin(), all.end(), [](const ordered_json& a, const ordered_json& b) {
        const auto time = [](const ordered_json& r) {
            return r.contains("step_time_s") ? r["step_time_s"].get<double>() : 1e300;
        };
        return time(a) < time(b);
    });
    out["strategies"] = all;
    return out;
}

std::string place_summary(const ordered_json& r) {
    std::string out;
    if (r.contains("base"))
        out += fmt::format("  routing {}, base {}\n\n", r["routing_digest"].get<std::string>(),
                           r["base"].get<std::string>());
    out += fmt::format("  {:<18}{:>10}{:>11}{:>12}{:>10}{:>12}\n", "strategy", "step s", "vs base",
                       "rows m/m", "NIC m/m", "memory GB");
    for (const ordered_json& one : r["strategies"]) {
        const std::string name = one["strategy"];
        if (one.contains("reason")) {
            const std::string why = one["reason"];
            out += fmt::format(
                "  {:<18}not here: {:.48}\n", name,
                why.substr(why.find("error: ") == std::string::npos ? 0 : why.find("error: ") + 7));
            continue;
        }
        out += fmt::format("  {:<18}{:>10.4f}{:>+10.2f}%{:>12.3f}{:>10.3f}{:>12.1f}\n", name,
                           one["step_time_s"].get<double>(),
                           100 * (one["vs_base"]["step_time_ratio"].get<double>() - 1),
                           one["load"]["max_over_mean_mean"].get<double>(),
                           one["load"]["nic_max_over_mean_mean"].get<double>(),
                           one["memory"]["peak_bytes"].get<double>() / 1e9);
    }
    return out;
}

Placement placement_of(const sim::Table& scenario, std::uint64_t seed) {
    const scenarios::Scenario s = scenarios::read_scenario(scenario.clone(), seed);
    if (!s.routing) scenario.fail("model", "it has no experts to place");
    const scenarios::Loads loads{s, run_of(s.parallel.expert)};
    if (loads.placement()) return *loads.placement();
    const int experts = loads.members() * loads.slots_per_member();
    return Placement::from_slots(
        std::vector<std::vector<int>>(static_cast<std::size_t>(s.moe_layers), run_of(experts)),
        experts);
}

std::string export_placement(const Placement& placement, const std::string& form, int first_layer) {
    if (form == "trtllm") {
        std::string out = fmt::format(
            "num_slots: {}\nlayer_updates_per_iter: 0\n"
            "initial_global_assignments:\n",
            placement.phy2log.front().size());
        for (std::size_t l = 0; l < placement.phy2log.size(); ++l)
            out += fmt::format("  {}: [{}]\n", first_layer + static_cast<int>(l),
                               fmt::join(placement.phy2log[l], ", "));
        return out;
    }
    ordered_json out;
    if (form == "eplb") {
        std::size_t most = 0;
        for (const auto& layer : placement.log2phy)
            for (const auto& replicas : layer) most = std::max(most, replicas.size());
        auto padded = placement.log2phy;
        for (auto& layer : padded)
            for (auto& replicas : layer) replicas.resize(most, -1);
        out = {{"phy2log", placement.phy2log}, {"log2phy", padded}, {"logcnt", placement.logcnt}};
    } else {
        out["physical_to_logical_map"] = placement.phy2log;
    }
    return out.dump() + "\n";
}

}  // namespace moesim::analysis
