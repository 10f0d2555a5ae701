#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/result.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

namespace {

constexpr double kWorthSaying = 0.002;  // of the base step, or of a max / mean

/// Which parts of a rank's time moved, the largest first.
void parts(const ordered_json& variant, const ordered_json& base, ordered_json& why) {
    const double step = base["step"]["time_s"];
    std::vector<std::pair<double, std::string>> moved;
    for (const auto& [key, value] : variant["step"]["breakdown_s"].items()) {
        const double change = value.get<double>() - base["step"]["breakdown_s"][key].get<double>();
        if (std::abs(change) >= kWorthSaying * step)
            moved.emplace_back(change, fmt::format("{} {:+.4f} s ({:+.1f} % of the base step)", key,
                                                   change, 100 * change / step));
    }
    std::stable_sort(moved.begin(), moved.end(), [](const auto& a, const auto& b) {
        return std::abs(a.first) > std::abs(b.first);
    });
    for (auto& [change, words] : moved) why.push_back(std::move(words));
}

/// How uneven rows and copies are, and the layer in which that changed most.
void loads(const ordered_json& variant, const ordered_json& base, ordered_json& why) {
    const ordered_json &now = variant["load"], &before = base["load"];
    const std::pair<const char*, const char*> kinds[] = {{"", "expert rows"},
                                                         {"nic_", "copies into a NIC"},
                                                         {"nvlink_", "copies into an NVLink port"}};
    for (const auto& [prefix, title] : kinds) {
        const std::string key = std::string{prefix} + "max_over_mean_mean";
        const double a = before[key], b = now[key];
        if (std::abs(b - a) >= kWorthSaying)
            why.push_back(fmt::format("{}: max/mean {:.3f} -> {:.3f}", title, a, b));
    }
    const auto &layers = now["by_layer"], &were = before["by_layer"];
    if (layers.size() != were.size() || layers.empty()) return;
    std::size_t most = 0;
    const auto change = [&](std::size_t i) {
        return std::abs(layers[i]["max_over_mean_mean"].get<double>() -
                        were[i]["max_over_mean_mean"].get<double>());
    };
    for (std::size_t i = 1; i < layers.size(); ++i)
        if (change(i) > change(most)) most = i;
    if (change(most) < kWorthSaying) return;
    why.push_back(fmt::format(
        "MoE layer {} changed most: rows max/mean {:.3f} (rank {}) -> {:.3f} (rank {})",
        layers[most]["moe_layer"].get<int>(), were[most]["max_over_mean_mean"].get<double>(),
        were[most]["hottest_rank"].get<int>(), layers[most]["max_over_mean_mean"].get<double>(),
        layers[most]["hottest_rank"].get<int>()));
}

/// Bytes by kind of transfer, and the class of links that is busiest.
void traffic(const ordered_json& variant, const ordered_json& base, ordered_json& why) {
    for (const auto& [kind, now] : variant["communication"]["by_kind"].items()) {
        const double a = base["communication"]["by_kind"][kind]["bytes"], b = now["bytes"];
        if (a > 0 && std::abs(b / a - 1) >= 0.01)
            why.push_back(fmt::format("{} traffic {:+.1f} %", kind, 100 * (b / a - 1)));
    }
    for (const auto& link : variant["links"])
        for (const auto& was : base["links"]) {
            if (link["class"] != was["class"]) continue;
            const double a = was["utilisation_mean"], b = link["utilisation_mean"];
            if (std::abs(b - a) >= 0.01)
                why.push_back(fmt::format("{} links {:.1f} % -> {:.1f} % used",
                                          link["class"].get<std::string>(), 100 * a, 100 * b));
        }
}

/// Bytes and seconds of following the loads, when that differs.
void moves(const ordered_json& variant, const ordered_json& base, ordered_json& why) {
    const auto move = [](const ordered_json& r) {
        return r.contains("placement") ? r["placement"]["move"] : ordered_json();
    };
    const ordered_json now = move(variant);
    if (now == move(base)) return;
    if (now.is_null())
        why.push_back("no experts are moved");
    else
        why.push_back("moving experts: " + move_words(now));
}

}  // namespace

std::string move_words(const ordered_json& move) {
    return fmt::format("{:.0f} every {:g} steps, {:.1f} GB in {:.1f} ms, {:.3f} ms a step {} it",
                       move["experts"].get<double>(), move["every_steps"].get<double>(),
                       move["bytes"].get<double>() / 1e9, 1e3 * move["seconds"].get<double>(),
                       1e3 * move["seconds_per_step"].get<double>(),
                       move["beside_the_step"].get<bool>() ? "beside" : "after");
}

ordered_json versus(const ordered_json& variant, const ordered_json& base) {
    ordered_json why = ordered_json::array();
    parts(variant, base, why);
    loads(variant, base, why);
    traffic(variant, base, why);
    moves(variant, base, why);
    const double memory =
        variant["memory"]["peak_bytes"].get<double>() - base["memory"]["peak_bytes"].get<double>();
    if (std::abs(memory) >= 1e8)
        why.push_back(fmt::format("memory of the hottest rank {:+.1f} GB", memory / 1e9));
    const double step = base["step"]["time_s"];
    return {{"step_time_ratio", variant["step"]["time_s"].get<double>() / step}, {"why", why}};
}

}  // namespace moesim::analysis
