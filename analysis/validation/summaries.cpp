#include "analysis/validation/summaries.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "analysis/validation/spread.hpp"
#include "analysis/validation/statistics.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

struct Pairs {
    std::vector<double> published, predicted;
    void add(double a, double b) {
        published.push_back(a);
        predicted.push_back(b);
    }
};

ordered_json errors_json(const Pairs& pairs) {
    ordered_json out{{"rows", pairs.published.size()}};
    if (pairs.published.empty()) {
        for (const char* key : {"mape", "median_ape", "p90_ape", "bias", "mean_abs_log"})
            out[key] = nullptr;
        return out;
    }
    const ErrorSummary e = summarise(pairs.published, pairs.predicted);
    out.update({{"mape", e.mape},
                {"median_ape", e.median_ape},
                {"p90_ape", e.p90_ape},
                {"bias", e.bias},
                {"mean_abs_log", e.mean_abs_log}});
    return out;
}

ordered_json null_json(const std::vector<const ordered_json*>& rows) {
    const auto key = [](const ordered_json& r) {
        return r["gpu_type"].get<std::string>() + "|" + r["precision_class"].get<std::string>();
    };
    const auto rate = [](const ordered_json& r) {
        return r["model_flops"].get<double>() / r["published"].get<double>() /
               std::stod(r["gpus"].get<std::string>());
    };
    std::map<std::string, std::map<std::string, std::vector<double>>> rates;  // key, family
    for (const ordered_json* r : rows) rates[key(*r)][source_family(*r)].push_back(rate(*r));
    Pairs pairs;
    for (const ordered_json* r : rows) {
        std::vector<double> others;
        for (const auto& [source, values] : rates[key(*r)])
            if (source != source_family(*r))
                others.insert(others.end(), values.begin(), values.end());
        if (others.empty()) continue;
        const double published = (*r)["published"];
        pairs.add(published, published * rate(*r) / quantile(others, 0.5));
    }
    return errors_json(pairs);
}

void add_ranking(ordered_json& out, const std::vector<const ordered_json*>& rows) {
    std::map<std::string, std::vector<const ordered_json*>> groups;
    for (const ordered_json* r : rows) groups[(*r)["group"]].push_back(r);
    double sum = 0;
    ordered_json sizes = ordered_json::array();
    for (const auto& [name, members] : groups) {
        std::set<std::string> layouts;
        std::vector<double> a, b;
        for (const ordered_json* r : members) {
            layouts.insert((*r)["layout"]);
            const double scale =
                std::stod((*r)["gpus"].get<std::string>()) / (*r)["tokens"].get<double>();
            a.push_back((*r)["published"].get<double>() * scale);
            b.push_back((*r)["predicted"].get<double>() * scale);
        }
        if (layouts.size() < 3) continue;
        sum += kendall_tau_b(a, b);
        sizes.push_back(members.size());
    }
    out["kendall_tau"] = sizes.empty() ? ordered_json(nullptr)
                                       : ordered_json(sum / static_cast<double>(sizes.size()));
    out["tau_groups"] = sizes;
}

}  // namespace

ordered_json summarise_rows(const ordered_json& all, std::size_t configs) {
    std::vector<const ordered_json*> times, intervals;
    Pairs time, memory;
    std::map<std::string, Pairs> by_source, by_gpu;
    std::set<std::string> covered;
    double inside = 0;
    for (const ordered_json& row : all) {
        if (row["status"] != "ok") continue;
        covered.insert(row["config_id"]);
        const double published = row["published"], predicted = row["predicted"];
        if (row["metric"] == "peak_memory") {
            memory.add(published, predicted);
            continue;
        }
        times.push_back(&row);
        time.add(published, predicted);
        by_source[row["source"]].add(published, predicted);
        by_gpu[row["gpu_type"]].add(published, predicted);
        if (row.contains("inside")) {
            intervals.push_back(&row);
            inside += row["inside"].get<bool>() ? 1 : 0;
        }
    }
    ordered_json out{{"configs", configs}, {"covered", covered.size()}};
    out.update(errors_json(time));
    add_ranking(out, times);
    out["null"] = null_json(times);
    out["memory"] = errors_json(memory);
    out["inside_interval"] = intervals.empty()
                                 ? ordered_json(nullptr)
                                 : ordered_json(inside / static_cast<double>(intervals.size()));
    const UnexplainedSpread spread = unexplained_spread(intervals, 0.9);
    if (spread.families > 1)
        out["unexplained"] = {{"deviation", spread.unexplained},
                              {"families", spread.families},
                              {"inside_left_out", spread.inside_left_out}};
    for (const auto& [name, pairs] : by_source) out["by_source"][name] = errors_json(pairs);
    for (const auto& [name, pairs] : by_gpu) out["by_gpu"][name] = errors_json(pairs);
    return out;
}

}  // namespace moesim::analysis
