#include "analysis/markdown.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "analysis/report/html.hpp"
#include "sim/source.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

constexpr std::size_t kOps = 8;

/// Text in a cell: what Markdown or HTML would take for its own is escaped.
std::string cell(std::string_view text) {
    std::string out;
    for (const char c : sim::printable(text)) {
        if (std::string_view{"\\`*_{}[]<>#|~&!"}.find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

/// Figures with plain blanks before their units.
std::string plain(std::string text) {
    for (std::size_t at = 0; (at = text.find("\u00a0", at)) != std::string::npos;)
        text.replace(at, 2, " ");
    return text;
}

std::string row(const std::vector<std::string>& cells) {
    std::string out = "|";
    for (const std::string& c : cells) out += " " + plain(c) + " |";
    return out + "\n";
}

/// `right`: from which column on figures stand, aligned to the right.
std::string head(const std::vector<std::string>& titles, std::size_t right) {
    std::string out = row(titles) + "|";
    for (std::size_t i = 0; i < titles.size(); ++i) out += i < right ? " --- |" : " ---: |";
    return out + "\n";
}

std::string headline(const ordered_json& r) {
    const ordered_json &step = r["step"], &memory = r["memory"], &u = r["uncertainty"];
    std::string out = head({"", ""}, 2);
    std::string time = html::seconds(step["time_s"].get<double>());
    if (u.is_object() && u["step_time_low_s"].is_number())
        time += fmt::format(" ({} to {} at {})", html::seconds(u["step_time_low_s"].get<double>()),
                            html::seconds(u["step_time_high_s"].get<double>()),
                            html::percent(u["level"].get<double>(), 0));
    out += row({"step time", time});
    out += row({"per GPU", fmt::format("{:.1f} tokens/s, {:.1f} TFLOPS",
                                       step["tokens_per_s_per_gpu"].get<double>(),
                                       step["tflops_per_gpu"].get<double>())});
    out += row({"MFU, BF16 peak",
                fmt::format("{} causal, {} non-causal", html::percent(step["mfu"].get<double>(), 2),
                            html::percent(step["mfu_noncausal"].get<double>(), 2))});
    out += row({"communication",
                fmt::format("{} of the step in flight, {} exposed",
                            html::percent(r["communication"]["share"].get<double>()),
                            html::percent(r["communication"]["exposed_share"].get<double>()))});
    out += row({"memory",
                fmt::format("{} of {} on {}, {}", html::bytes(memory["peak_bytes"].get<double>()),
                            html::bytes(memory["capacity_bytes"].get<double>()),
                            cell(memory["hottest_rank"].get<std::string>()),
                            memory["fits"].get<bool>() ? "fits" : "**does not fit**")});
    out +=
        row({"expert load, max/mean", fmt::format("{:.3f} on average, {:.3f} at worst",
                                                  r["load"]["max_over_mean_mean"].get<double>(),
                                                  r["load"]["max_over_mean_worst"].get<double>())});
    std::string grounds;
    for (const auto& [key, value] : r["evidence"].items())
        if (value.get<double>() >= 0.005)
            grounds +=
                (grounds.empty() ? "" : ", ") + key + " " + html::percent(value.get<double>(), 0);
    return out + row({"evidence", grounds});
}

std::string shares(const char* title, const ordered_json& parts, double time) {
    std::string out = fmt::format("\n## {}\n\n", title) + head({"", "s", "share"}, 1);
    for (const auto& [key, value] : parts.items())
        if (const double v = value; v > 0)
            out += row({cell(key), fmt::format("{:.4g}", v), html::percent(v / time)});
    return out;
}

std::string dominates(const ordered_json& r, double time) {
    std::string out = "\n## Critical path\n\n" + head({"op", "kind", "s", "share"}, 2);
    const ordered_json& ops = r["critical_path"]["ops"];
    for (std::size_t i = 0; i < std::min(kOps, ops.size()); ++i)
        out += row({cell(ops[i]["op"].get<std::string>()), ops[i]["kind"].get<std::string>(),
                    fmt::format("{:.4g}", ops[i]["seconds"].get<double>()),
                    html::percent(ops[i]["seconds"].get<double>() / time)});
    if (!r.contains("sensitivity")) return out;
    out += "\n## What would help\n\n" + head({"change", "step time"}, 1);
    for (const ordered_json& s : r["sensitivity"]) {
        std::string what;
        for (const auto& [key, factor] : s["what_if"].items())
            what += fmt::format("{}{} x {:g}", what.empty() ? "" : ", ", cell(key),
                                factor.get<double>());
        out +=
            row({what, fmt::format("{:+.2f} %", 100 * (s["step_time_ratio"].get<double>() - 1))});
    }
    return out;
}

std::string variants(const ordered_json& r) {
    std::string out = "\n## Variants\n\n" +
                      head({"", "step time", "against base", "exposed", "max/mean", "memory"}, 1);
    for (const ordered_json& v : r["variants"])
        out += row(
            {cell(v["name"].get<std::string>()), html::seconds(v["step"]["time_s"].get<double>()),
             fmt::format("{:+.2f} %", 100 * (v["vs_base"]["step_time_ratio"].get<double>() - 1)),
             html::percent(v["communication"]["exposed_share"].get<double>()),
             fmt::format("{:.3f}", v["load"]["max_over_mean_mean"].get<double>()),
             html::bytes(v["memory"]["peak_bytes"].get<double>()) +
                 (v["memory"]["fits"].get<bool>() ? "" : ", does not fit")});
    return out;
}

}  // namespace

std::string summary_markdown(const ordered_json& r) {
    const double time = r["step"]["time_s"];
    std::string out =
        fmt::format("# {}\n\n", cell(r["scenario"]["name"].get<std::string>())) + headline(r);
    if (r.contains("warnings"))
        for (const ordered_json& warning : r["warnings"])
            out += "\n> " + cell(warning.get<std::string>()) + "\n";
    if (r.contains("variants") && !r["variants"].empty()) out += variants(r);
    out += shares("Where a rank's time goes", r["step"]["breakdown_s"], time);
    out += shares("What the schedule spends", r["step"]["phases_s"], time);
    out += dominates(r, time);
    return out + fmt::format("\nmoesim {}, {}\n", r["version"].get<std::string>(),
                             r["schema"].get<std::string>());
}

}  // namespace moesim::analysis
