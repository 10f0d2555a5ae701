#include "analysis/planning/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "analysis/sweep/workers.hpp"
#include "sim/source.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;
using scenarios::Scenario;

namespace {

constexpr const char* kDegrees[] = {"tensor",  "context", "pipeline",
                                    "virtual", "expert",  "expert_tensor"};

/// A candidate with a level of recomputation, read. Throws sim::RuleError when it breaks a rule.
Scenario read(const Sweep& sweep, const Assignments& point, const std::string& recompute) {
    sim::Table table = sweep.scenario.clone();
    for (const std::string& assignment : point) table.set(assignment);
    table.set("step.recompute=" + recompute);
    return scenarios::read_scenario(table, sweep.seed);
}

struct Timed {
    double seconds = 0;
    double peak_bytes = 0;
};

Timed time_of(const Scenario& full, int micro_batches) {
    Scenario s = full;
    s.global_batch = static_cast<long>(micro_batches) * s.micro_batch * s.parallel.data;
    RunOptions options;
    options.engine = "replay";
    const Simulated run = simulate(std::move(s), options);
    return {run.line.makespan, memory_peak(run.lowered, run.line).bytes};
}

/// Step time with all micro-batches from two shorter runs, as analysis/sweep/screen.hpp has it, but
/// nothing else; none when the plan does not fit.
std::optional<double> screened_time(const Scenario& s) {
    const int all = s.micro_batches();
    const int few = std::max(2, s.parallel.pipeline), more = 2 * few;
    const auto runs = [&](int micro_batches) {
        scenarios::PipelineShape shape = s.shape();
        shape.micro_batches = micro_batches;
        return s.flush == 0 && s.schedule->refuse(shape).empty();
    };
    const bool whole = all <= 2 * more || !runs(few) || !runs(more);
    const Timed b = time_of(s, whole ? all : more);
    if (b.peak_bytes > s.cluster.device().memory.si()) return std::nullopt;
    if (whole) return b.seconds;
    const double pace = (b.seconds - time_of(s, few).seconds) / (more - few);
    return b.seconds + pace * (all - more);
}

/// {step_time_s, recompute, data} of a candidate with the least recomputation that fits, or
/// {reason}. What does not fit with the most of it is not tried with less.
ordered_json screen(const Sweep& sweep, const SearchSpace& space, const Assignments& point) {
    const auto at = [&](const std::string& recompute) {
        const Scenario s = read(sweep, point, recompute);
        const std::optional<double> seconds = screened_time(s);
        return seconds ? ordered_json{{"step_time_s", *seconds},
                                      {"recompute", recompute},
                                      {"data", s.parallel.data}}
                       : ordered_json{{"reason", "memory"}};
    };
    const auto fits = [](const ordered_json& found) { return found.contains("step_time_s"); };
    try {
        const ordered_json least = at(space.ladder.front());
        if (fits(least)) return least;
        const ordered_json most = at(space.ladder.back());
        if (!fits(most)) return most;
        for (std::size_t i = 1; i + 1 < space.ladder.size(); ++i)
            if (const ordered_json found = at(space.ladder[i]); fits(found)) return found;
        return most;
    } catch (const sim::RuleError&) {
        return {{"reason", "rule"}};
    }
}

/// The degrees of a candidate, which make its layout.
std::string layout_of(const Assignments& point) {
    std::string out;
    for (const char* degree : kDegrees)
        for (const std::string& assignment : point)
            if (assignment.starts_with(std::string{"parallel."} + degree + "="))
                out += assignment + " ";
    return out;
}

/// The best candidate of each layout, fastest first, at most `most`.
std::vector<std::size_t> best_layouts(const std::vector<Assignments>& points,
                                      const std::vector<ordered_json>& screened, int most) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < points.size(); ++i)
        if (screened[i].contains("step_time_s")) order.push_back(i);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return screened[a]["step_time_s"] < screened[b]["step_time_s"];
    });
    std::vector<std::size_t> out;
    std::map<std::string, bool> seen;
    for (const std::size_t i : order) {
        if (out.size() >= static_cast<std::size_t>(most)) break;
        if (!std::exchange(seen[layout_of(points[i])], true)) out.push_back(i);
    }
    return out;
}

/// A full result as a point of a sweep.
ordered_json point_of(const Assignments& point, const ordered_json& screened,
                      const ordered_json& result) {
    ordered_json set = set_json(point);
    set["parallel.data"] = screened["data"];
    set["step.recompute"] = json_of(screened["recompute"]);
    set.erase("step.layers_per_stage");
    set["step.layers_per_stage"] = result["scenario"]["step"]["layers_per_stage"];
    return {{"set", std::move(set)},
            {"feasible", result["memory"]["fits"]},
            {"reason", nullptr},
            {"step", result["step"]},
            {"memory", result["memory"]},
            {"communication",
             {{"share", result["communication"]["share"]},
              {"exposed_share", result["communication"]["exposed_share"]}}},
            {"training", result.contains("training") ? result["training"] : ordered_json(nullptr)},
            {"engine", result["engine"]["name"]},
            {"screened", {{"engine", "replay"}, {"step_time_s", screened["step_time_s"]}}}};
}

std::string short_set(const ordered_json& set) {
    const auto degree = [&](const char* key) {
        const std::string name = std::string{"parallel."} + key;
        return set.contains(name) ? set[name].dump() : "1";
    };
    std::string out =
        fmt::format("TP{} PP{} VPP{} EP{} DP{} mb{}", degree("tensor"), degree("pipeline"),
                    degree("virtual"), degree("expert"), degree("data"), set["batch.micro"].dump());
    if (degree("context") != "1") out += " CP" + degree("context");
    if (degree("expert_tensor") != "1") out += " ETP" + degree("expert_tensor");
    return out;
}

}  // namespace

ordered_json find_plans(const Sweep& sweep) {
    const SearchSpace space = search_space(sweep.scenario, sweep.axes);
    std::size_t considered = 0;
    const std::vector<Assignments> points =
        candidates(sweep.scenario, space, sweep.where, sweep.seed, considered);
    std::vector<std::size_t> all(points.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    std::vector<ordered_json> screened(points.size());
    std::size_t done = 0;
    run_workers(
        all, sweep.jobs, [&](std::size_t i) { return screen(sweep, space, points[i]).dump(); },
        [&](std::size_t i, const std::string& text) {
            screened[i] = ordered_json::parse(text);
            if (sweep.progress) sweep.progress(++done, all.size());
        });

    const std::vector<std::size_t> best = best_layouts(points, screened, sweep.top);
    std::vector<std::pair<ordered_json, ordered_json>> found;  // point, full result
    found.resize(best.size());
    std::vector<std::size_t> places(best.size());
    std::iota(places.begin(), places.end(), std::size_t{0});
    run_workers(
        places, sweep.jobs,
        [&](std::size_t i) {
            RunOptions options;
            options.engine = sweep.engine == "screen" ? "simgrid" : sweep.engine;
            const std::string recompute = screened[best[i]]["recompute"];
            return result_json(simulate(read(sweep, points[best[i]], recompute), options), options)
                .dump();
        },
        [&](std::size_t i, const std::string& text) {
            ordered_json result = ordered_json::parse(text);
            found[i] = {point_of(points[best[i]], screened[best[i]], result), std::move(result)};
        });
    // What the short runs took for fitting and the full one does not is out.
    const auto unfit = std::erase_if(
        found, [](const auto& f) { return !f.first["feasible"].template get<bool>(); });
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
        return seconds_per_token(a.first) < seconds_per_token(b.first);
    });

    const auto count = [&](const char* reason) {
        return std::count_if(screened.begin(), screened.end(), [&](const ordered_json& s) {
            return s.value("reason", "") == reason;
        });
    };
    ordered_json axes = ordered_json::object();
    for (const SweepAxis& axis : space.axes)
        for (const std::string& value : axis.values) axes[axis.key].push_back(json_of(value));
    for (const std::string& level : space.ladder) axes["step.recompute"].push_back(json_of(level));
    ordered_json out{{"schema", "moesim.plan/1"},
                     {"version", MOESIM_VERSION},
                     {"feasible", found.size()},
                     {"excluded", 0},
                     {"search",
                      {{"axes", axes},
                       {"considered", considered},
                       {"candidates", points.size()},
                       {"refused", count("rule")},
                       {"unfit", count("memory") + static_cast<long>(unfit)}}},
                     {"best", ordered_json::array()},
                     {"pareto", ordered_json::array()},
                     {"points", ordered_json::array()}};
    for (std::size_t i = 0; i < found.size(); ++i) {
        found[i].first["vs_best"] = versus(found[i].second, found.front().second);
        out["best"].push_back(i);
        // All plans use the same GPUs: less memory than all faster ones have.
        const double bytes = found[i].first["memory"]["peak_bytes"];
        const ordered_json& faster = out["points"];
        if (std::all_of(faster.begin(), faster.end(), [&](const ordered_json& p) {
                return p["memory"]["peak_bytes"].get<double>() > bytes;
            }))
            out["pareto"].push_back(i);
        out["points"].push_back(std::move(found[i].first));
    }
    return out;
}

std::string plan_summary(const ordered_json& result) {
    const ordered_json& search = result["search"];
    std::string out =
        fmt::format("  {} candidates: {} break a rule, {} do not fit; {} simulated in full\n",
                    search["candidates"].get<std::size_t>(), search["refused"].get<std::size_t>(),
                    search["unfit"].get<std::size_t>(), result["points"].size());
    if (result["points"].empty()) return out + "  no plan fits\n";
    out +=
        fmt::format("\n      {:<38}{:>9}{:>8}{:>8}{:>8}\n", "", "step s", "MFU", "GB", "vs best");
    std::size_t rank = 0;
    for (const ordered_json& p : result["points"]) {
        out += fmt::format("  {:>2}  {:<38}{:>9.3f}{:>7.1f}%{:>8.1f}{:>+7.1f}%\n", ++rank,
                           short_set(p["set"]), p["step"]["time_s"].get<double>(),
                           100 * p["step"]["mfu"].get<double>(),
                           p["memory"]["peak_bytes"].get<double>() / 1e9,
                           100 * (p["vs_best"]["step_time_ratio"].get<double>() - 1));
        if (const std::string recompute = p["set"]["step.recompute"].dump(); recompute != "[]")
            out += fmt::format("      recompute {}\n", sim::printable(recompute, 64));
        for (std::size_t i = 0; i < std::min<std::size_t>(3, p["vs_best"]["why"].size()); ++i)
            out += fmt::format("      {}\n",
                               sim::printable(p["vs_best"]["why"][i].get<std::string>(), 74));
    }
    const ordered_json& best = result["points"][0]["set"];
    out += "\n  the best as arguments of moesim run\n";
    for (const auto& [key, value] : best.items())
        out += fmt::format("    --set '{}={}'\n", key, value.dump());
    return out;
}

}  // namespace moesim::analysis
