#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "analysis/sweep/sweep.hpp"
#include "sim/source.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

constexpr std::size_t kShown = 10;  // best points in the terminal

std::string text_of(const ordered_json& value) {
    if (value.is_null()) return "";
    return value.is_string() ? value.get<std::string>() : value.dump();
}

/// The part of `value` at a JSON pointer; null when absent.
ordered_json at(const ordered_json& value, const std::string& pointer) {
    const ordered_json::json_pointer place{pointer};
    return value.contains(place) ? value[place] : ordered_json(nullptr);
}

struct Column {
    const char* title;
    const char* pointer;
};

constexpr Column kColumns[] = {{"feasible", "/feasible"},
                               {"reason", "/reason"},
                               {"engine", "/engine"},
                               {"step_time_s", "/step/time_s"},
                               {"tokens_per_s_per_gpu", "/step/tokens_per_s_per_gpu"},
                               {"mfu", "/step/mfu"},
                               {"exposed_share", "/communication/exposed_share"},
                               {"peak_bytes", "/memory/peak_bytes"},
                               {"days", "/training/days"},
                               {"gpu_hours", "/training/gpu_hours"},
                               {"cost_usd", "/training/cost_usd"},
                               {"goodput", "/training/goodput"}};

/// Title row and one row per point; the last two columns say rank and whether on the front.
std::vector<std::vector<std::string>> rows(const ordered_json& result) {
    std::vector<std::string> keys;
    for (const ordered_json& point : result["points"])
        for (const auto& [key, value] : point["set"].items())
            if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
    std::vector<std::vector<std::string>> out{{"point"}};
    out[0].insert(out[0].end(), keys.begin(), keys.end());
    for (const Column& column : kColumns) out[0].emplace_back(column.title);
    out[0].insert(out[0].end(), {"rank", "pareto"});
    std::vector<std::string> rank(result["points"].size()), front(result["points"].size(), "0");
    for (std::size_t i = 0; i < result["best"].size(); ++i)
        rank[result["best"][i].get<std::size_t>()] = std::to_string(i + 1);
    for (const ordered_json& i : result["pareto"]) front[i.get<std::size_t>()] = "1";
    for (std::size_t i = 0; i < rank.size(); ++i) {
        const ordered_json& point = result["points"][i];
        std::vector<std::string> row{std::to_string(i)};
        for (const std::string& key : keys)
            row.push_back(point["set"].contains(key) ? text_of(point["set"][key]) : "");
        for (const Column& column : kColumns) row.push_back(text_of(at(point, column.pointer)));
        row.insert(row.end(), {rank[i], front[i]});
        out.push_back(std::move(row));
    }
    return out;
}

std::string quoted(const std::string& text) {
    if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? std::string{"\"\""} : std::string{c};
    return out + '"';
}

std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else
            out += c;
    }
    return out;
}

/// "does not fit: 91.2 of 85.9 GB" -> "does not fit: N of N GB", to count equal reasons.
std::string without_numbers(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (std::isdigit(static_cast<unsigned char>(c)) == 0 && !(c == '.' && out.ends_with('N')))
            out += c;
        else if (!out.ends_with('N'))
            out += 'N';
    }
    return out;
}

std::string words(const ordered_json& set) {
    std::string out;
    for (const auto& [key, value] : set.items()) {
        // "parallel.tensor" is told from others by its last word in most sweeps.
        const std::string name = key.substr(key.rfind('.') + 1);
        out += fmt::format("{}{}={}", out.empty() ? "" : " ", name, text_of(value));
    }
    return out;
}

}  // namespace

std::string sweep_csv(const ordered_json& result) {
    std::string out;
    for (const auto& row : rows(result)) {
        for (std::size_t i = 0; i < row.size(); ++i) out += (i > 0 ? "," : "") + quoted(row[i]);
        out += "\n";
    }
    return out;
}

std::string sweep_html(const ordered_json& result, const std::string& title) {
    std::string out = fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{0}</title>\n"
        "<style>:root{{color-scheme:light dark}}body{{font:14px sans-serif;margin:1em}}"
        "table{{border-collapse:collapse}}td,th{{border:1px solid #8888;padding:2px 6px;"
        "text-align:right}}th{{position:sticky;top:0;background:Canvas}}"
        ".front td{{font-weight:bold}}.none td{{opacity:.6}}</style></head>\n<body><h1>{0}</h1>\n"
        "<p>{1} points, {2} feasible, {3} left out by conditions. Bold: nothing else is better in "
        "time, cost and memory at once.</p>\n<table>\n",
        escaped(title), result["points"].size(), result["feasible"].get<std::size_t>(),
        result["excluded"].get<std::size_t>());
    const auto table = rows(result);
    const std::size_t feasible = static_cast<std::size_t>(
        std::find(table[0].begin(), table[0].end(), "feasible") - table[0].begin());
    for (std::size_t r = 0; r < table.size(); ++r) {
        const char* cell = r == 0 ? "th" : "td";
        out += r > 0 && table[r].back() == "1"          ? "<tr class=\"front\">"
               : r > 0 && table[r][feasible] == "false" ? "<tr class=\"none\">"
                                                        : "<tr>";
        for (const std::string& text : table[r])
            out += fmt::format("<{0}>{1}</{0}>", cell, escaped(text));
        out += "</tr>\n";
    }
    return out + "</table></body></html>\n";
}

std::string sweep_summary(const ordered_json& result) {
    const std::size_t all = result["points"].size();
    const auto feasible = result["feasible"].get<std::size_t>();
    std::string out = fmt::format("  {} points, {} feasible", all, feasible);
    if (const auto excluded = result["excluded"].get<std::size_t>(); excluded > 0)
        out += fmt::format(", {} left out by conditions", excluded);
    out +=
        fmt::format("\n\n  {:<42}{:>10}{:>7}{:>8}  {}\n", "best", "step s", "MFU", "GB", "engine");
    const ordered_json& best = result["best"];
    const auto line = [&](std::size_t i) {
        const ordered_json& p = result["points"][i];
        return fmt::format(
            "  {:<42}{:>10.4f}{:>6.1f}%{:>8.1f}  {}\n", sim::printable(words(p["set"]), 41),
            p["step"]["time_s"].get<double>(), 100 * p["step"]["mfu"].get<double>(),
            p["memory"]["peak_bytes"].get<double>() / 1e9, p["engine"].get<std::string>());
    };
    for (std::size_t i = 0; i < std::min(best.size(), kShown); ++i)
        out += line(best[i].get<std::size_t>());
    const ordered_json& front = result["pareto"];
    out += fmt::format("\n  front of time, cost and memory: {} points\n", front.size());
    for (std::size_t i = 0; i < std::min(front.size(), kShown); ++i)
        out += line(front[i].get<std::size_t>());
    std::map<std::string, std::size_t> reasons;
    for (const ordered_json& p : result["points"])
        if (!p["feasible"].get<bool>()) {
            ++reasons[without_numbers(p["reason"])];
        }
    if (!reasons.empty()) out += "\n  not feasible\n";
    for (const auto& [reason, count] : reasons)
        out += fmt::format("  {:>6}  {}\n", count, sim::printable(reason, 64));
    return out;
}

}  // namespace moesim::analysis
