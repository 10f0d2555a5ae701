#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "analysis/report/html.hpp"
#include "analysis/report/sections.hpp"

namespace moesim::analysis {

using html::kNumber;
using html::kText;
using nlohmann::ordered_json;

namespace {

constexpr std::size_t kMostBars = 32;

using Words = std::map<std::string_view, std::string_view>;

const Words& part_words() {
    static const Words words{
        {"compute", "a compute stream is busy, optimizer left out"},
        {"exposed_ep", "compute waits for an expert exchange in flight"},
        {"exposed_tp", "compute waits for a tensor-parallel transfer in flight"},
        {"exposed_cp", "compute waits for a context-parallel transfer in flight"},
        {"exposed_pp", "compute waits for a stage-to-stage transfer in flight"},
        {"exposed_dp", "compute waits for gradient reduction or parameter gather in flight"},
        {"imbalance", "other ranks have not reached the exchange"},
        {"host", "the host has not issued the next kernel"},
        {"bubble", "any other dependency of the schedule"},
        {"optimizer", "the optimizer's own kernels"}};
    return words;
}

const Words& phase_words() {
    static const Words words{{"forward", "a forward alone"},
                             {"input_gradient", "gradients of activations alone"},
                             {"weight_gradient", "gradients of weights alone"},
                             {"backward", "both gradients as one unit, alone"},
                             {"pair", "a forward and a backward overlapped as one unit"},
                             {"bubble", "no unit runs"},
                             {"optimizer", "gradient reduction, update, parameter gather"}};
    return words;
}

/// Keys of those segments that are seen in any of the bars.
std::vector<html::Key> keys_of(const std::vector<StackedBar>& bars) {
    std::vector<html::Key> out;
    for (std::size_t i = 0; i < bars.front().segments.size(); ++i)
        if (std::any_of(bars.begin(), bars.end(),
                        [i](const StackedBar& b) { return b.segments[i].value > 0; }))
            out.push_back({bars.front().segments[i].cls, bars.front().segments[i].label});
    return out;
}

/// The mean, then rank classes (evenly thinned out when there are many).
std::vector<StackedBar> bars_of(const View& view, const char* key) {
    std::vector<StackedBar> out{{"mean", segments_of(view.result["step"][key]), true}};
    const ordered_json& ranks = view.result["ranks"];
    const std::size_t shown = std::min(kMostBars, ranks.size());
    for (std::size_t i = 0; i < shown; ++i) {
        const ordered_json& rank = ranks[shown < 2 ? 0 : i * (ranks.size() - 1) / (shown - 1)];
        out.push_back({rank["rank"].get<std::string>(), segments_of(rank[key]), false});
    }
    return out;
}

/// One bar per pipeline stage: its rank classes, weighted by the ranks that they stand for. Empty
/// when every stage is one rank class.
std::vector<StackedBar> stage_bars(const View& view, const char* key) {
    struct Sum {
        double weight = 0;
        std::vector<Segment> segments;
    };
    std::map<int, Sum> stages;
    for (const ordered_json& rank : view.result["ranks"]) {
        Sum& sum = stages[rank["pipeline_rank"].get<int>()];
        const double weight = rank["stands_for"];
        const std::vector<Segment> own = segments_of(rank[key]);
        sum.segments.resize(own.size());
        for (std::size_t i = 0; i < own.size(); ++i) {
            sum.segments[i].cls = own[i].cls;
            sum.segments[i].label = own[i].label;
            sum.segments[i].value += weight * own[i].value;
        }
        sum.weight += weight;
    }
    if (stages.size() == view.result["ranks"].size()) return {};
    std::vector<StackedBar> out;
    for (auto& [stage, sum] : stages) {
        for (Segment& s : sum.segments) s.value /= sum.weight;
        out.push_back({fmt::format("stage {}", stage), std::move(sum.segments), false});
    }
    return out;
}

/// Bars by stage, where a stage has several rank classes, and by rank class; both under the mean.
std::string drawing(const View& view, const char* key, const std::vector<StackedBar>& bars,
                    const std::string& title, const std::string& caption) {
    const Axis axis = view.time_axis();
    std::vector<StackedBar> stages = stage_bars(view, key);
    std::vector<BarView> views{{"per rank class", bars}};
    if (!stages.empty()) {
        stages.insert(stages.begin(), bars.front());
        views.insert(views.begin(), {"per stage", std::move(stages)});
    }
    return html::figure(stacked_bars(views.front().bars, axis, title), caption,
                        bars_chart(views, axis));
}

std::string caption(const View& view) {
    const std::size_t ranks = view.result["ranks"].size();
    std::string out = "One bar per pipeline stage or simulated rank class, mean over its members. ";
    if (ranks > kMostBars) out += fmt::format("{} of {} shown. ", kMostBars, ranks);
    const std::string fold = view.result["engine"]["fold"];
    return fold == "off" ? out : out + "Folded: " + html::escape(fold) + ".";
}

/// Part, share, mean, and the rank classes where it is least and most.
std::string spread_table(const View& view, const char* key, const Words& words,
                         const ordered_json& second, const std::string& second_title) {
    html::Table table{{{"", kText},
                       {"", kText},
                       {"mean, " + view.time_unit(), kNumber},
                       {"share", kNumber},
                       {second_title + ", " + view.time_unit(), kNumber},
                       {"least", kNumber},
                       {"most", kNumber},
                       {"on", kText}}};
    for (const auto& [part, value] : view.result["step"][key].items()) {
        double least = value, most = value;
        std::string where;
        for (const ordered_json& rank : view.result["ranks"]) {
            const double v = rank[key][part];
            least = std::min(least, v);
            if (v > most || where.empty()) most = std::max(most, v), where = rank["rank"];
        }
        if (most <= 0) continue;
        const auto at = words.find(part);
        table.row({fmt::format("<i class=\"dot {}\"></i>{}", colour_class(part), spoken(part)),
                   at == words.end() ? std::string{} : std::string{at->second},
                   view.time_text(value), html::percent(value.get<double>() / view.step_time()),
                   view.time_text(second[part].get<double>()), view.time_text(least),
                   view.time_text(most), html::escape(where)});
    }
    return table.str();
}

}  // namespace

std::string breakdown_section(const View& view) {
    const std::vector<StackedBar> bars = bars_of(view, "breakdown_s");
    return html::section(
        "time", "Where a rank's time goes",
        "Every second of every rank is booked once; the parts sum to the step time.",
        html::legend(keys_of(bars)) +
            drawing(view, "breakdown_s", bars, "Where a rank's step time goes", caption(view)) +
            spread_table(view, "breakdown_s", part_words(), view.result["ranks"][0]["breakdown_s"],
                         view.result["ranks"][0]["rank"]));
}

std::string phases_section(const View& view) {
    const std::vector<StackedBar> bars = bars_of(view, "phases_s");
    return html::section(
        "phases", "What the schedule spends",
        "Seconds in units of each kind, with the waits inside them; they, the bubble and the "
        "optimizer "
        "sum to the step time.",
        html::legend(keys_of(bars)) +
            drawing(view, "phases_s", bars, "What the schedule spends", "") +
            spread_table(view, "phases_s", phase_words(), view.result["step"]["phases_rank0_s"],
                         "rank 0, member 0"));
}

}  // namespace moesim::analysis
