#include "analysis/sensitivity.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "analysis/jobs.hpp"
#include "sim/registry.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;
using scenarios::Scenario;
using scenarios::WhatIf;

namespace {

constexpr double kBetter = 1.1, kLess = 0.9;

struct Factor {
    const char* key;  // of [what_if]
    double WhatIf::*member;
    double factor;
};
struct Change {
    const char* name;
    std::vector<Factor> factors;
};

const std::vector<Change>& changes() {
    static const std::vector<Change> all{
        {"flops", {{"gemm", &WhatIf::gemm, kBetter}, {"attention", &WhatIf::attention, kBetter}}},
        {"hbm", {{"memory_bound", &WhatIf::memory_bound, kBetter}}},
        {"nvlink", {{"nvlink", &WhatIf::nvlink, kBetter}}},
        {"nic", {{"nic", &WhatIf::nic, kBetter}}},
        {"latency", {{"latency", &WhatIf::latency, kLess}}},
        {"even_load", {{"imbalance", &WhatIf::imbalance, 0}}}};
    return all;
}

double replayed(const sim::TaskGraph& graph) {
    return sim::Registry<sim::Engine>::make("replay")->run(graph).makespan;
}

bool uneven(const scenarios::Lowered& lowered) {
    return std::any_of(lowered.loads.begin(), lowered.loads.end(),
                       [](const scenarios::LoadSample& l) { return l.rows > 1 + 1e-9; });
}

}  // namespace

ordered_json sensitivity_json(const Simulated& run, const RunOptions& options) {
    std::vector<const Change*> asked;
    for (const Change& change : changes())
        if (change.factors.front().factor > 0 || uneven(run.lowered)) asked.push_back(&change);
    std::vector<std::function<std::string()>> jobs;
    for (const Change* change : asked)
        jobs.emplace_back([&run, &options, change] {
            Scenario changed = run.scenario;
            for (const Factor& f : change->factors) changed.what_if.*f.member *= f.factor;
            const double seconds = replayed(scenarios::lower(changed, options.fold).graph);
            return ordered_json(seconds).dump();
        });
    const std::vector<std::string> texts = run_jobs(jobs, cores());
    const double base = replayed(run.lowered.graph);
    ordered_json out = ordered_json::array();
    for (std::size_t i = 0; i < asked.size(); ++i) {
        const double ratio = base > 0 ? ordered_json::parse(texts[i]).get<double>() / base : 1;
        ordered_json what_if;
        for (const Factor& f : asked[i]->factors) what_if[f.key] = f.factor;
        out.push_back({{"change", asked[i]->name},
                       {"what_if", what_if},
                       {"step_time_s", run.line.makespan * ratio},
                       {"step_time_ratio", ratio}});
    }
    return out;
}

}  // namespace moesim::analysis
