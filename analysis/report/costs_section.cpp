#include <fmt/format.h>

#include <algorithm>

#include "analysis/report/html.hpp"
#include "analysis/report/sections.hpp"

namespace moesim::analysis {

using html::kNumber;
using html::kText;
using nlohmann::ordered_json;

namespace {

constexpr std::size_t kKernels = 25, kOps = 60;

template <class Item>
void by_seconds(std::vector<std::pair<double, Item>>& items) {
    std::stable_sort(items.begin(), items.end(),
                     [](const auto& a, const auto& b) { return a.first > b.first; });
}

template <class Item>
double sum_of(const std::vector<std::pair<double, Item>>& items) {
    double sum = 0;
    for (const auto& item : items) sum += item.first;
    return sum;
}

/// Shares of evidence side by side in one cell.
std::string grounds(const ordered_json& evidence) {
    std::string out = "<span class=\"bar full\">";
    for (const auto& [name, share] : evidence.items())
        out += fmt::format("<i class=\"c-{}\" style=\"width:{:.1f}%\" title=\"{} {}\"></i>", name,
                           100 * share.get<double>(), name, html::percent(share.get<double>(), 0));
    return out + "</span>";
}

/// "measured", or the largest with its share when there are several.
std::string ground_words(const ordered_json& evidence) {
    std::string best;
    double most = -1;
    for (const auto& [name, share] : evidence.items())
        if (share.get<double>() > most) most = share, best = name;
    return most > 0.995 ? best : fmt::format("{} {}", best, html::percent(most, 0));
}

}  // namespace

std::string kernels_section(const View& view) {
    std::vector<std::pair<double, std::string>> all;
    for (const auto& [name, s] : view.result["kernels_s"].items()) all.emplace_back(s, name);
    if (all.empty()) return {};
    by_seconds(all);
    const double sum = std::max(sum_of(all), 1e-300), most = std::max(all.front().first, 1e-300);
    html::Table table{
        {{"kernel", kText}, {view.time_unit(), kNumber}, {"share", kNumber}, {"", kText}}};
    double rest = sum;
    for (std::size_t i = 0; i < std::min(kKernels, all.size()); ++i) {
        rest -= all[i].first;
        table.row({html::escape(all[i].second), view.time_text(all[i].first),
                   html::percent(all[i].first / sum), html::bar(all[i].first / most, "c-compute")});
    }
    if (all.size() > kKernels)
        table.row({fmt::format("{} more", all.size() - kKernels), view.time_text(rest),
                   html::percent(rest / sum), ""});
    table.row({"sum", view.time_text(sum), html::percent(1), ""}, "sum");
    return html::section("kernels", "Kernels",
                         "Seconds per step and rank, mean over ranks, slowed down where transfers "
                         "run beside them. All of them are in kernels.csv.",
                         table.str());
}

std::string ops_section(const View& view) {
    std::vector<std::pair<double, const ordered_json*>> all;
    for (const ordered_json& op : view.result["ops"]) all.emplace_back(op["member_seconds"], &op);
    if (all.empty()) return {};
    by_seconds(all);
    const double sum = std::max(sum_of(all), 1e-300);
    html::Table table{
        {{"op", kText}, {"share", kNumber}, {"error", kNumber}, {"evidence", kText}, {"", kText}}};
    for (std::size_t i = 0; i < std::min(kOps, all.size()); ++i) {
        const ordered_json& op = *all[i].second;
        table.row({html::escape(op["op"].get<std::string>()), html::percent(all[i].first / sum, 2),
                   fmt::format("± {}", html::percent(op["rel_error"].get<double>(), 0)),
                   grounds(op["evidence"]), ground_words(op["evidence"])});
    }
    std::vector<html::Key> keys;
    for (const auto& [name, share] : view.result["evidence"].items())
        keys.push_back(
            {"c-" + name, fmt::format("{} {}", name, html::percent(share.get<double>()))});
    return html::section(
        "evidence", "Operations and their evidence",
        "Where the seconds of each operation come from: a measurement of its shape, between "
        "measured shapes, beyond them, or peak rates alone. Error: one relative standard "
        "deviation. "
        "The key gives the shares of all seconds.",
        html::legend(keys) + table.str());
}

}  // namespace moesim::analysis
