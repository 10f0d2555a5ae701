#include <fmt/format.h>

#include <algorithm>

#include "analysis/report/html.hpp"
#include "analysis/report/sections.hpp"

namespace moesim::analysis {

using html::percent;
using nlohmann::ordered_json;

namespace {

std::string tile(std::string_view title, const std::string& value, const std::string& note,
                 std::string_view cls = {}) {
    return fmt::format(
        "<div class=\"tile {}\"><span>{}</span><strong>{}</strong><small>{}</small></div>\n", cls,
        html::escape(title), html::escape(value), html::escape(note));
}

/// The two largest of what is not compute.
std::string losses(const ordered_json& step) {
    std::vector<std::pair<double, std::string>> all;
    for (const auto& [key, value] : step["breakdown_s"].items())
        if (key != "compute" && value.get<double>() > 0) all.emplace_back(value, key);
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
    std::string out;
    for (std::size_t i = 0; i < std::min<std::size_t>(2, all.size()); ++i)
        out += fmt::format("{}{} {}", i > 0 ? " and " : "", spoken(all[i].second),
                           percent(all[i].first / step["time_s"].get<double>()));
    return out;
}

std::string step_note(const ordered_json& r) {
    const auto& u = r["uncertainty"];
    if (!u.is_object() || !u["step_time_low_s"].is_number() || !u["step_time_high_s"].is_number())
        return fmt::format("{} tokens per step", html::count(r["step"]["tokens"].get<double>()));
    return fmt::format(
        "{} to {}{}", html::seconds(u["step_time_low_s"].get<double>()),
        html::seconds(u["step_time_high_s"].get<double>()),
        u["level"].is_number() ? fmt::format(" at {}", percent(u["level"].get<double>(), 0)) : "");
}

std::string plan(const View& view) {
    const scenarios::Scenario& s = view.run.scenario;
    const scenarios::Parallel& p = s.parallel;
    const ordered_json& in = view.result["scenario"];
    return fmt::format(
        "{} on {} GPUs of {}; tensor {}, pipeline {}, data {}, expert {}; {} sequences of {} "
        "tokens, "
        "micro-batch {}; schedule {}, dispatcher {}, precision {}",
        leaf_text(in["model"]), html::count(s.gpus), leaf_text(in["cluster"]), p.tensor, p.pipeline,
        p.data, p.expert, html::count(static_cast<double>(s.global_batch)),
        html::count(static_cast<double>(s.sequence)), s.micro_batch, s.schedule_name,
        s.dispatcher_name, leaf_text(in["step"]["precision"]));
}

}  // namespace

std::string headline_section(const View& view) {
    const ordered_json& r = view.result;
    const ordered_json &step = r["step"], &memory = r["memory"], &e = r["evidence"];
    const bool fits = memory["fits"].get<bool>();
    std::string out = fmt::format(
        "<header id=\"top\">\n<h1>{}</h1>\n<p class=\"plan\">{}</p>\n<div class=\"tiles\">\n",
        html::escape(view.run.scenario.name), html::escape(plan(view)));
    out += tile("step time", html::seconds(view.step_time()), step_note(r));
    out +=
        tile("tokens/s per GPU", fmt::format("{:.0f}", step["tokens_per_s_per_gpu"].get<double>()),
             fmt::format("{:.1f} TFLOPS per GPU", step["tflops_per_gpu"].get<double>()));
    out +=
        tile("MFU, BF16 peak", percent(step["mfu"].get<double>(), 2),
             fmt::format("causal; non-causal {}", percent(step["mfu_noncausal"].get<double>(), 2)));
    out += tile("communication", percent(r["communication"]["exposed_share"].get<double>()),
                fmt::format("of the step exposed; {} in flight",
                            percent(r["communication"]["share"].get<double>())));
    out += tile("memory", fits ? "fits" : "does not fit",
                fmt::format("{} of {}, {}", html::bytes(memory["peak_bytes"].get<double>()),
                            html::bytes(memory["capacity_bytes"].get<double>()),
                            memory["hottest_rank"].get<std::string>()),
                fits ? "" : "bad");
    out += tile("costs measured", percent(e["measured"].get<double>(), 0),
                fmt::format("interpolated {}, extrapolated {}, roofline {}",
                            percent(e["interpolated"].get<double>(), 0),
                            percent(e["extrapolated"].get<double>(), 0),
                            percent(e["roofline"].get<double>(), 0)));
    if (r.contains("training")) {
        const ordered_json& t = r["training"];
        out += tile(
            "training", fmt::format("{:.1f} days", t["days"].get<double>()),
            fmt::format("{} steps, {} GPU hours, {} USD", html::count(t["steps"].get<double>()),
                        html::count(t["gpu_hours"].get<double>()),
                        html::count(t["cost_usd"].get<double>())));
    }
    out += "</div>\n";
    if (r.contains("warnings"))
        for (const ordered_json& warning : r["warnings"])
            out +=
                fmt::format("<p class=\"bad\">{}</p>\n", html::escape(warning.get<std::string>()));
    out += fmt::format(
        "<p>Of a rank's step, {} is compute; the largest losses are {}.</p>\n</header>\n\n",
        percent(step["breakdown_s"]["compute"].get<double>() / view.step_time()),
        losses(step).empty() ? "none" : losses(step));
    return out;
}

}  // namespace moesim::analysis
