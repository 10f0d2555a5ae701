#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "analysis/report/html.hpp"
#include "analysis/report/sections.hpp"
#include "sim/source.hpp"

namespace moesim::analysis {

using html::kNumber;
using html::kText;
using nlohmann::ordered_json;

namespace {

std::string name_of(const ordered_json& variant) {
    return variant.contains("name") ? variant["name"].get<std::string>()
                                    : variant["scenario"]["name"].get<std::string>();
}

constexpr std::size_t kReasons = 6, kLongestName = 60;

/// Text that may be one long word; it is broken rather than widening the table.
std::string long_text(const std::string& text) {
    return "<span class=\"long\">" + html::escape(text) + "</span>";
}

std::string reasons(const ordered_json& variant) {
    std::string out;
    const ordered_json& why = variant["vs_base"]["why"];
    for (std::size_t i = 0; i < std::min(kReasons, why.size()); ++i)
        out += (out.empty() ? "" : "<br>") + html::escape(spoken(why[i].get<std::string>()));
    return out;
}

std::vector<std::string> figures(const View& view, const ordered_json& r) {
    const ordered_json& step = r["step"];
    return {view.time_text(step["time_s"].get<double>()),
            fmt::format("{:.0f}", step["tokens_per_s_per_gpu"].get<double>()),
            html::percent(step["mfu"].get<double>(), 2),
            html::percent(r["communication"]["exposed_share"].get<double>()),
            fmt::format("{:.3f}", r["load"]["max_over_mean_mean"].get<double>()),
            html::bytes(r["memory"]["peak_bytes"].get<double>()) +
                (r["memory"]["fits"].get<bool>() ? ""
                                                 : " <strong class=\"bad\">does not fit</strong>")};
}

std::string differences(const View& view) {
    html::Table table{{{"", kText},
                       {"step time", kNumber},
                       {"step, " + view.time_unit(), kNumber},
                       {"tokens/s per GPU", kNumber},
                       {"MFU", kNumber},
                       {"exposed", kNumber},
                       {"max/mean", kNumber},
                       {"memory", kNumber}}};
    const auto add = [&](const std::string& name, const std::string& ratio, const ordered_json& r,
                         std::string_view cls) {
        std::vector<std::string> cells{long_text(name), ratio};
        for (std::string& cell : figures(view, r)) cells.push_back(std::move(cell));
        table.row(cells, cls);
    };
    for (const ordered_json& v : view.result["variants"]) {
        double change = v["vs_base"]["step_time_ratio"].get<double>() - 1;
        if (std::abs(change) < 5e-5) change = 0;  // not "-0.00 %"
        add(name_of(v),
            fmt::format("<strong class=\"{}\">{:+.2f} %</strong>",
                        change > 5e-5    ? "bad"
                        : change < -5e-5 ? "good"
                                         : "",
                        100 * change),
            v, "");
    }
    add("base: " + view.run.scenario.name, "", view.result, "sum");
    return table.str();
}

std::string drawing(const View& view) {
    double longest = view.step_time();
    std::vector<StackedBar> bars{{"base", segments_of(view.result["step"]["breakdown_s"]), true}};
    for (const ordered_json& v : view.result["variants"]) {
        longest = std::max(longest, v["step"]["time_s"].get<double>());
        bars.push_back({name_of(v), segments_of(v["step"]["breakdown_s"]), true});
    }
    Axis axis = view.time_axis();
    axis.end = longest;
    std::vector<html::Key> keys;
    for (std::size_t i = 0; i < bars.front().segments.size(); ++i)
        if (std::any_of(bars.begin(), bars.end(), [i](const StackedBar& b) {
                return i < b.segments.size() && b.segments[i].value > 0;
            }))
            keys.push_back({bars.front().segments[i].cls, bars.front().segments[i].label});
    return html::legend(keys) + html::figure(stacked_bars(bars, axis, "Base and variants"), "",
                                             bars_chart({{"", bars}}, axis));
}

/// Seconds of each part, and how far the variants are from the base.
std::string parts_table(const View& view) {
    const ordered_json& base = view.result["step"]["breakdown_s"];
    std::vector<html::Table::Column> columns{{"", kText}, {"base, " + view.time_unit(), kNumber}};
    for (const ordered_json& v : view.result["variants"])
        columns.push_back({sim::printable(name_of(v), kLongestName), kNumber});
    html::Table table{columns};
    for (const auto& [part, value] : base.items()) {
        std::vector<std::string> cells{
            fmt::format("<i class=\"dot {}\"></i>{}", colour_class(part), spoken(part)),
            view.time_text(value)};
        bool any = value.get<double>() > 0;
        for (const ordered_json& v : view.result["variants"]) {
            const double change =
                v["step"]["breakdown_s"][part].get<double>() - value.get<double>();
            any = any || change != 0;
            const bool none = std::abs(change) < 5e-4 * view.time_axis().unit;
            const bool much = std::abs(change) > 0.01 * view.step_time();
            cells.push_back(fmt::format("<span class=\"{}\">{}{}</span>",
                                        !much        ? ""
                                        : change > 0 ? "bad"
                                                     : "good",
                                        none || change < 0 ? "" : "+",
                                        none ? "0" : view.time_text(change)));
        }
        if (any) table.row(cells);
    }
    return "<h3>What moved, part by part</h3>\n" + table.str();
}

/// What fills the memory of each, at its peak.
std::string memory_drawing(const View& view) {
    const double capacity = view.result["memory"]["capacity_bytes"];
    double most = capacity;
    std::vector<StackedBar> bars;
    const auto add = [&](const std::string& name, const ordered_json& r) {
        StackedBar bar{name, {}, true};
        for (const auto& [cls, bytes] : r["memory"]["by_class"].items())
            bar.segments.push_back({"c-memory-" + cls, cls, bytes.get<double>()});
        bars.push_back(std::move(bar));
        most = std::max(most, r["memory"]["peak_bytes"].get<double>());
    };
    add("base", view.result);
    for (const ordered_json& v : view.result["variants"]) add(name_of(v), v);
    std::vector<html::Key> keys;
    for (const Segment& s : bars.front().segments) keys.push_back({s.cls, s.label});
    const Axis axis{"GB", 1e9, most * 1.02};
    const Mark mark{capacity, "capacity of the base"};
    return "<h3>Memory</h3>\n" + html::legend(keys) +
           html::figure(stacked_bars(bars, axis, "Memory of base and variants", mark),
                        "The hottest rank of each.", bars_chart({{"", bars}}, axis, mark));
}

std::string why(const View& view) {
    html::Table table{{{"variant", kText}, {"what moved, most first", kText}}};
    for (const ordered_json& v : view.result["variants"])
        table.row({long_text(name_of(v)), reasons(v)});
    return "<h3>Why</h3>\n" + table.str();
}

/// Keys of the scenario in which any variant differs, one line each.
std::string changed_keys(const View& view) {
    std::map<std::string, std::map<std::size_t, std::string>> changed;  // key, by variant
    std::map<std::string, std::string> base;
    for (const auto& [key, value] : flattened(view.result["scenario"]))
        base[key] = leaf_text(value);
    const ordered_json& variants = view.result["variants"];
    for (std::size_t i = 0; i < variants.size(); ++i) {
        std::map<std::string, std::string> own;
        for (const auto& [key, value] : flattened(variants[i]["scenario"]))
            own[key] = leaf_text(value);
        for (const auto& [key, value] : own)
            if (key != "name" && (!base.count(key) || base.at(key) != value))
                changed[key][i] = value;
        for (const auto& [key, value] : base)
            if (!own.count(key)) changed[key][i] = "(none)";
    }
    html::Table table{{{"variant", kText}, {"key", kText}, {"base", kText}, {"here", kText}}};
    for (std::size_t i = 0; i < variants.size(); ++i)
        for (const auto& [key, values] : changed)
            if (values.count(i))
                table.row({long_text(name_of(variants[i])),
                           fmt::format("<code>{}</code>", html::escape(key)),
                           long_text(base.count(key) ? base.at(key) : "(none)"),
                           long_text(values.at(i))});
    return table.str();
}

}  // namespace

std::string variants_section(const View& view) {
    if (!view.result.contains("variants") || view.result["variants"].empty()) return {};
    return html::section(
        "variants", "Variants beside the base",
        "Each variant is the scenario with a few keys changed, on the same routing. "
        "The other sections are about the base.",
        differences(view) + drawing(view) + why(view) + parts_table(view) +
            "<h3>Changed keys</h3>\n" + changed_keys(view) + memory_drawing(view));
}

}  // namespace moesim::analysis
