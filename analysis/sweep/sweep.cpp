#include "analysis/sweep/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <numeric>
#include <optional>

#include "analysis/sweep/journal.hpp"
#include "analysis/sweep/workers.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

/// FNV-1a of everything that the points follow from.
std::string digest(const Sweep& sweep, const std::vector<Assignments>& points) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    const auto add = [&](const std::string& text) {
        for (const char c : text + '\0')
            hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    };
    add(MOESIM_VERSION);
    add(sweep.scenario.source_text());
    for (const std::string& set : sweep.sets) add(set);
    for (const Assignments& point : points)
        for (const std::string& assignment : point) add(assignment);
    add(std::to_string(sweep.seed));
    return fmt::format("{:016x}", hash);
}

/// Answers of one engine to some points, what the journal knows left out of the work.
class Runner {
public:
    Runner(const Sweep& sweep, const std::vector<Assignments>& points)
        : sweep_{sweep}, points_{points} {
        if (!sweep.journal.empty())
            journal_ = std::make_unique<Journal>(sweep.journal, digest(sweep, points));
    }

    std::vector<ordered_json> run(const std::vector<std::size_t>& which,
                                  const std::string& engine) {
        std::vector<ordered_json> out(which.size());
        std::vector<std::size_t> work;
        for (std::size_t i = 0; i < which.size(); ++i) {
            const auto* known = journal_ ? find(which[i], engine) : nullptr;
            if (known == nullptr)
                work.push_back(i);
            else
                out[i] = ordered_json::parse(*known);
        }
        std::size_t done = which.size() - work.size();
        run_workers(
            work, sweep_.jobs,
            [&](std::size_t i) {
                return evaluate(sweep_.scenario, points_[which[i]], sweep_.seed, engine).dump();
            },
            [&](std::size_t i, const std::string& text) {
                if (journal_) journal_->add(which[i], engine, text);
                out[i] = ordered_json::parse(text);
                if (sweep_.progress) sweep_.progress(++done, which.size());
            });
        return out;
    }

private:
    const std::string* find(std::size_t point, const std::string& engine) const {
        const auto at = journal_->answers().find({point, engine});
        return at == journal_->answers().end() ? nullptr : &at->second;
    }

    const Sweep& sweep_;
    const std::vector<Assignments>& points_;
    std::unique_ptr<Journal> journal_;
};

/// What the front is about: all three are better when smaller.
std::array<double, 3> goals(const ordered_json& point) {
    const double time = seconds_per_token(point);
    return {time, time * point["usd_per_s"].get<double>(),
            point["memory"]["peak_bytes"].get<double>()};
}

std::vector<std::size_t> front(const ordered_json& points,
                               const std::vector<std::size_t>& feasible) {
    std::vector<std::size_t> out;
    std::vector<std::array<double, 3>> goal;
    for (const std::size_t i : feasible) goal.push_back(goals(points[i]));
    for (std::size_t a = 0; a < feasible.size(); ++a) {
        const bool beaten = [&] {
            for (std::size_t b = 0; b < feasible.size(); ++b) {
                bool none_worse = true, better = false;
                for (std::size_t g = 0; g < 3; ++g) {
                    none_worse = none_worse && goal[b][g] <= goal[a][g];
                    better = better || goal[b][g] < goal[a][g];
                }
                if (none_worse && (better || b < a)) return true;  // of equal ones the first
            }
            return false;
        }();
        if (!beaten) out.push_back(feasible[a]);
    }
    return out;
}

void sort_by_time(std::vector<std::size_t>& which, const ordered_json& points) {
    std::stable_sort(which.begin(), which.end(), [&](std::size_t a, std::size_t b) {
        return seconds_per_token(points[a]) < seconds_per_token(points[b]);
    });
}

}  // namespace

double seconds_per_token(const ordered_json& point) {
    return point["step"]["time_s"].get<double>() / point["step"]["tokens"].get<double>();
}

ordered_json run_points(const Sweep& sweep, const std::vector<Assignments>& points) {
    Runner runner{sweep, points};
    std::vector<std::size_t> all(points.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    std::vector<ordered_json> answers = runner.run(all, sweep.engine);
    ordered_json list = ordered_json::array();
    std::vector<std::size_t> feasible;
    for (std::size_t i = 0; i < answers.size(); ++i) {
        ordered_json point{{"set", set_json(points[i])}};
        point.update(answers[i]);
        point["screened"] = nullptr;
        if (point["feasible"].get<bool>()) feasible.push_back(i);
        list.push_back(std::move(point));
    }
    std::vector<std::size_t> best = feasible;
    sort_by_time(best, list);
    if (sweep.engine != "simgrid" && sweep.top > 0) {
        const auto top = std::min(best.size(), static_cast<std::size_t>(sweep.top));
        std::vector<std::size_t> again(best.begin(), best.begin() + static_cast<long>(top));
        const std::vector<ordered_json> better = runner.run(again, "simgrid");
        for (std::size_t i = 0; i < again.size(); ++i) {
            ordered_json& point = list[again[i]];
            const ordered_json screened{{"engine", point["engine"]},
                                        {"step_time_s", point["step"]["time_s"]}};
            point.update(better[i]);
            point["screened"] = screened;
        }
        sort_by_time(again, list);
        std::copy(again.begin(), again.end(), best.begin());
    }
    return {{"schema", "moesim.sweep/1"},
            {"version", MOESIM_VERSION},
            {"feasible", feasible.size()},
            {"excluded", 0},
            {"best", best},
            {"pareto", front(list, feasible)},
            {"points", std::move(list)}};
}

ordered_json run_sweep(const Sweep& sweep) {
    std::size_t excluded = 0;
    const std::vector<Assignments> points =
        combinations(sweep.scenario, sweep.axes, sweep.where, sweep.seed, excluded);
    ordered_json out = run_points(sweep, points);
    out["excluded"] = excluded;
    return out;
}

}  // namespace moesim::analysis
