#include "analysis/validation/validation.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "analysis/jobs.hpp"
#include "analysis/validation/row_scenario.hpp"
#include "analysis/validation/row_settings.hpp"
#include "analysis/validation/summaries.hpp"
#include "models/counts.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;
using scenarios::Scenario;

namespace {

/// The FLOP/s that "100 %" of an MFU means: "% of 989 TFLOPS" says it, "% of BF16 peak" asks the
/// device.
double mfu_peak(const std::string& unit, const Scenario& s) {
    const auto at = unit.find_first_of("0123456789");
    if (at != std::string::npos) return std::stod(unit.substr(at)) * 1e12;
    return s.cluster.device().peak_of("bf16").si();
}

std::optional<PublishedTime> published_time(const Published& row, const Scenario& s) {
    const double tokens = s.tokens_per_step();
    const double flops = tokens * models::flops_per_token(s.model, s.sequence).megatron;
    const auto found = [&](const char* metric, auto seconds) -> std::optional<PublishedTime> {
        const auto at = row.metrics.find(metric);
        if (at == row.metrics.end() || at->second.value <= 0) return std::nullopt;
        const double t = seconds(at->second);
        if (!std::isfinite(t) || t <= 0) return std::nullopt;
        return PublishedTime{t, metric};
    };
    using Metric = Published::Metric;
    if (auto t = found("step_time",
                       [](const Metric& m) { return m.value * (m.unit == "ms" ? 1e-3 : 1.0); }))
        return t;
    if (auto t = found("tokens_per_s", [&](const Metric& m) { return tokens / m.value; })) return t;
    if (auto t = found("tokens_per_s_per_gpu",
                       [&](const Metric& m) { return tokens / (m.value * s.gpus); }))
        return t;
    if (auto t = found("tokens_per_day", [&](const Metric& m) { return 86400 * tokens / m.value; }))
        return t;
    if (auto t = found("model_tflops_per_gpu",
                       [&](const Metric& m) { return flops / (m.value * 1e12 * s.gpus); }))
        return t;
    return found("mfu", [&](const Metric& m) {
        return flops / (m.value / 100 * mfu_peak(m.unit, s) * s.gpus);
    });
}

/// Bytes of a published peak_memory.
std::optional<double> published_memory(const Published& row) {
    const auto at = row.metrics.find("peak_memory");
    if (at == row.metrics.end() || at->second.value <= 0) return std::nullopt;
    const std::string& unit = at->second.unit;
    const double scale = unit == "GiB"   ? 1073741824.0
                         : unit == "GB"  ? 1e9
                         : unit == "MiB" ? 1048576.0
                         : unit == "B"   ? 1.0
                                         : 0.0;
    if (scale == 0) return std::nullopt;
    return at->second.value * scale;
}

ordered_json row_head(const Published& row) {
    return {{"config_id", row.id},         {"source", row.field("source")},
            {"model", row.field("model")}, {"gpu_type", row.field("gpu_type")},
            {"gpus", row.field("gpus")},   {"precision", row.field("precision")}};
}

ordered_json unmodelled(const Published& row, const char* status, const std::string& reason) {
    ordered_json out = row_head(row);
    out.update({{"metric", "step_time"},
                {"published", nullptr},
                {"predicted", nullptr},
                {"rel_error", nullptr},
                {"status", status},
                {"reason", reason}});
    return ordered_json::array({out});
}

/// What makes a row's layout its own, within rows of one model on one cluster.
std::string layout_of(const Scenario& s) {
    return fmt::format("{} {} {} {}", s.resolved["parallel"].dump(), s.micro_batch, s.global_batch,
                       s.resolved["step"].dump());
}

ordered_json simulated(const Published& row, const Scenario& s, const RowScenario& made,
                       const RunOptions& options) {
    const auto time = published_time(row, s);
    const auto memory = published_memory(row);
    if (!time && !memory)
        return unmodelled(row, "no_metric", "no metric of the row gives a step time");
    const ordered_json result = result_json(simulate(s, options), options);
    const double flops = models::flops_per_token(s.model, s.sequence).megatron;
    ordered_json rows = ordered_json::array();
    ordered_json base = row_head(row);
    base["precision_class"] = precision_class(row.field("precision"));
    base["layout"] = layout_of(s);
    base["group"] = fmt::format("{}|{}|{}|{}|{}|{}|{}", row.field("source"), row.field("model"),
                                row.field("layers"), row.field("gpu_type"), row.field("gpus"),
                                row.field("precision"), row.field("seq_len"));
    base["tokens"] = s.tokens_per_step();
    base["model_flops"] = flops * s.tokens_per_step();
    base["fits"] = result["memory"]["fits"];
    base["evidence"] = result["evidence"];
    base["breakdown_s"] = result["step"]["breakdown_s"];
    base["assumed"] = made.assumed;
    const auto add = [&](const char* metric, double published, double predicted) {
        ordered_json out = base;
        const bool fine = std::isfinite(predicted) && predicted > 0;
        out.update({{"metric", metric},
                    {"published", published},
                    {"predicted", predicted},
                    {"rel_error", predicted / published - 1},
                    {"status", fine ? "ok" : "failed"},
                    {"reason", fine ? "" : "the simulation gave no positive number"}});
        rows.push_back(std::move(out));
    };
    if (time) {
        add("step_time", time->seconds, result["step"]["time_s"]);
        rows.back()["published_from"] = time->from;
        const auto& interval = result["uncertainty"];
        if (interval.is_object() && interval["step_time_low_s"].is_number()) {
            rows.back()["low"] = interval["step_time_low_s"];
            rows.back()["high"] = interval["step_time_high_s"];
            rows.back()["of_costs"] = interval["of_costs"];
            rows.back()["inside"] = time->seconds >= interval["step_time_low_s"].get<double>() &&
                                    time->seconds <= interval["step_time_high_s"].get<double>();
        }
    }
    if (memory) add("peak_memory", *memory, result["memory"]["peak_bytes"]);
    return rows;
}

ordered_json predict(const Published& row, const RowScenario& made, const RunOptions& options) {
    if (!made.refused.empty()) return unmodelled(row, "refused", made.refused);
    try {
        sim::Table table = sim::Table::from_text("", row.id);
        for (const std::string& assignment : made.assignments) table.set(assignment);
        const Scenario s = scenarios::read_scenario(table, 0);
        return simulated(row, s, made, options);
    } catch (const sim::InputError& e) {
        const std::string text = e.what();
        return unmodelled(row, "refused", text);
    } catch (const std::exception& e) {
        return unmodelled(row, "failed", e.what());
    }
}

}  // namespace

ordered_json validate(const std::vector<Published>& published,
                      const std::map<std::string, std::map<std::string, std::string>>& recipes,
                      const ValidationOptions& options) {
    std::vector<RowScenario> made;
    static const std::map<std::string, std::string> none;
    for (const Published& row : published) {
        const auto recipe = recipes.find(row.id);
        made.push_back(row_scenario(row, recipe == recipes.end() ? none : recipe->second));
        if (!recipes.empty() && recipe == recipes.end() && made.back().refused.empty())
            made.back().assumed.push_back("no recipe names this configuration");
    }
    std::vector<std::function<std::string()>> work;
    for (std::size_t i = 0; i < published.size(); ++i)
        work.emplace_back([&, i] { return predict(published[i], made[i], options.run).dump(); });
    ordered_json out{{"schema", "moesim.validation/1"}, {"rows", ordered_json::array()}};
    for (const std::string& text : run_jobs(work, options.jobs, options.progress))
        for (ordered_json& row : ordered_json::parse(text)) out["rows"].push_back(std::move(row));
    out["summary"] = summarise_rows(out["rows"], published.size());
    return out;
}

}  // namespace moesim::analysis
