#include <fmt/format.h>

#include <algorithm>

#include "analysis/report/html.hpp"
#include "analysis/report/sections.hpp"

namespace moesim::analysis {

using html::kNumber;
using html::kText;
using nlohmann::ordered_json;

namespace {

constexpr std::size_t kOps = 12;

std::string_view kind_words(const std::string& kind) {
    return kind == "compute" ? "kernels of the model"
           : kind == "ep"    ? "expert exchanges"
           : kind == "tp"    ? "tensor-parallel transfers"
           : kind == "cp"    ? "context-parallel transfers"
           : kind == "pp"    ? "stage-to-stage transfers"
           : kind == "dp"    ? "gradient reduction, parameter gather"
           : kind == "host"  ? "launches and gaps between kernels"
                             : "the optimizer's kernels";
}

std::string change_words(const std::string& change) {
    if (change == "flops") return "10 % more FLOPs: products, attention";
    if (change == "hbm") return "10 % more memory bandwidth";
    if (change == "nvlink") return "10 % more NVLink bandwidth";
    if (change == "nic") return "10 % more NIC bandwidth";
    if (change == "latency") return "10 % less start-up latency";
    return "even load of experts and ranks";
}

std::string path_part(const View& view) {
    const ordered_json& path = view.result["critical_path"];
    StackedBar bar{"critical path", {}, true};
    std::vector<html::Key> keys;
    for (const auto& [kind, seconds] : path["by_kind_s"].items()) {
        bar.segments.push_back({"c-" + kind, kind, seconds.get<double>()});
        if (seconds.get<double>() > 0)
            keys.push_back({"c-" + kind, fmt::format("{}: {}", kind, kind_words(kind))});
    }
    const Axis axis = view.time_axis();
    html::Table table{{{"op on the critical path", kText},
                       {"booked as", kText},
                       {view.time_unit(), kNumber},
                       {"of the step", kNumber},
                       {"", kText}}};
    const ordered_json& ops = path["ops"];
    double most = 0;
    for (const ordered_json& op : ops) most = std::max(most, op["seconds"].get<double>());
    for (std::size_t i = 0; i < std::min(kOps, ops.size()); ++i) {
        const double seconds = ops[i]["seconds"];
        const std::string kind = ops[i]["kind"];
        table.row({html::escape(ops[i]["op"].get<std::string>()), kind, view.time_text(seconds),
                   html::percent(seconds / view.step_time()),
                   html::bar(most > 0 ? seconds / most : 0, "c-" + kind)});
    }
    return "<h3>Critical path</h3>\n" + html::legend(keys) +
           html::figure(
               stacked_bars({bar}, axis, "The critical path by kind"),
               fmt::format("The chain of {} tasks that ends last, each begun when the one before "
                           "let it: shortening anything else shortens nothing, until another chain "
                           "is the longest.",
                           html::count(path["tasks"].get<double>())),
               bars_chart({{"", {bar}}}, axis)) +
           table.str();
}

std::string sensitivity_part(const View& view) {
    if (!view.result.contains("sensitivity")) return {};
    html::Table table{{{"what if", kText},
                       {"step time", kNumber},
                       {"step, " + view.time_unit(), kNumber},
                       {"gain", kText}}};
    double most = 1e-9;
    for (const ordered_json& s : view.result["sensitivity"])
        most = std::max(most, 1 - s["step_time_ratio"].get<double>());
    for (const ordered_json& s : view.result["sensitivity"]) {
        const double change = s["step_time_ratio"].get<double>() - 1;
        table.row({change_words(s["change"]), fmt::format("{:+.2f} %", 100 * change),
                   view.time_text(s["step_time_s"].get<double>()),
                   html::bar(std::max(0.0, -change) / most, "c-optimizer")});
    }
    return "<h3>Sensitivity</h3>\n<p>One change at a time, every kernel and transfer costed anew; "
           "how transfers share links is kept as it is.</p>\n" +
           table.str();
}

}  // namespace

std::string dominates_section(const View& view) {
    const ordered_json& ops = view.result["critical_path"]["ops"];
    if (ops.empty()) return {};
    return html::section(
        "dominates", "What dominates",
        fmt::format("Most of the critical path is {}: {} of the step.",
                    html::escape(ops[0]["op"].get<std::string>()),
                    html::percent(ops[0]["seconds"].get<double>() / view.step_time())),
        path_part(view) + sensitivity_part(view));
}

}  // namespace moesim::analysis
