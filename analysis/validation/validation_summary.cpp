#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "analysis/validation/validation.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

std::string percent(const ordered_json& value, bool sign = false) {
    if (!value.is_number()) return "-";
    const double v = 100 * value.get<double>();
    return sign ? fmt::format("{:+.1f} %", v) : fmt::format("{:.1f} %", v);
}

std::string line(const std::string& name, const ordered_json& e) {
    return fmt::format("  {:<34.34}{:>5}{:>9}{:>9}{:>9}{:>9}\n", name, e["rows"].get<int>(),
                       percent(e["mape"]), percent(e["median_ape"]), percent(e["p90_ape"]),
                       percent(e["bias"], true));
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

std::string validation_summary(const ordered_json& result) {
    const ordered_json& s = result["summary"];
    std::string out = fmt::format("  {} of {} configurations modelled\n\n", s["covered"].get<int>(),
                                  s["configs"].get<int>());
    out += fmt::format("  {:<34}{:>5}{:>9}{:>9}{:>9}{:>9}\n", "step time", "rows", "mean", "median",
                       "p90", "bias");
    if (s.contains("by_source"))
        for (const auto& [name, e] : s["by_source"].items()) {
            // Sources of one family differ in their last words only.
            const auto cut = name.size() > 34 ? ".." + name.substr(name.size() - 32) : name;
            out += line(cut, e);
        }
    out += "\n";
    if (s.contains("by_gpu"))
        for (const auto& [name, e] : s["by_gpu"].items()) out += line(name, e);
    out += "\n" + line("all", s) + line("null: others' median TFLOPS", s["null"]);
    if (s["memory"]["rows"].get<int>() > 0) out += line("peak memory", s["memory"]);
    out += fmt::format("\n  mean |ln(ours / published)| {:.3f}",
                       s["mean_abs_log"].is_number() ? s["mean_abs_log"].get<double>() : 0.0);
    if (s["null"]["mean_abs_log"].is_number())
        out += fmt::format(", of the null {:.3f}", s["null"]["mean_abs_log"].get<double>());
    if (s["kendall_tau"].is_number())
        out += fmt::format("; rank correlation {:.2f} in {} groups", s["kendall_tau"].get<double>(),
                           s["tau_groups"].size());
    if (s["inside_interval"].is_number())
        out += fmt::format("\n  {} of the published times lie inside our interval",
                           percent(s["inside_interval"]));
    if (s.contains("unexplained"))
        out += fmt::format(
            "\n  the costs' errors leave {} unexplained; with each of the {} sources' taken from\n"
            "  the others {} lie inside",
            percent(s["unexplained"]["deviation"]), s["unexplained"]["families"].get<int>(),
            percent(s["unexplained"]["inside_left_out"]));
    std::vector<const ordered_json*> rows;
    std::string left_out;
    for (const ordered_json& r : result["rows"])
        if (r["status"] == "ok")
            rows.push_back(&r);
        else
            left_out += fmt::format("  {:<22} {}\n", r["config_id"].get<std::string>(),
                                    first_line(r["reason"]));
    std::stable_sort(rows.begin(), rows.end(), [](const ordered_json* a, const ordered_json* b) {
        return std::abs((*a)["rel_error"].get<double>()) >
               std::abs((*b)["rel_error"].get<double>());
    });
    out += "\n\n  furthest off\n";
    for (std::size_t i = 0; i < std::min<std::size_t>(rows.size(), 10); ++i) {
        const ordered_json& r = *rows[i];
        out += fmt::format("  {:<18} {:<22.22} {:>5} {:<6} {:<10.10} {:>9}\n",
                           r["config_id"].get<std::string>(), r["model"].get<std::string>(),
                           r["gpus"].get<std::string>(), r["gpu_type"].get<std::string>(),
                           r["precision"].get<std::string>(), percent(r["rel_error"], true));
    }
    if (!left_out.empty()) out += "\n  not modelled\n" + left_out;
    return out;
}

}  // namespace moesim::analysis
