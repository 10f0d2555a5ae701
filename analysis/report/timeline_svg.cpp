#include "analysis/report/timeline_svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "analysis/report/svg.hpp"

namespace moesim::analysis {

namespace {

constexpr double kRow = 18, kRight = 16, kSeam = 0.25;  // seam: pixels between boxes

double left_of(const Simulated& run, const std::vector<std::uint32_t>& rank_classes) {
    double widest = 0;
    for (const std::uint32_t c : rank_classes)
        widest = std::max(widest, text_width(run.lowered.graph.rank_classes[c].name) * 11);
    return std::clamp(widest + 14, 40.0, 200.0);
}

std::string unit_class(sim::UnitKind kind) { return colour_class(unit_kind_name(kind)); }

}  // namespace

std::vector<html::Key> unit_keys(const Simulated& run,
                                 const std::vector<std::uint32_t>& rank_classes) {
    std::set<sim::UnitKind> kinds;
    for (const sim::Unit& unit : run.lowered.graph.units)
        if (std::find(rank_classes.begin(), rank_classes.end(), unit.rank_class) !=
            rank_classes.end())
            kinds.insert(unit.kind);
    std::vector<html::Key> out;
    for (const sim::UnitKind kind : kinds)
        out.push_back({unit_class(kind), std::string{unit_kind_name(kind)}});
    return out;
}

std::string step_svg(const Simulated& run, const std::vector<std::uint32_t>& rank_classes,
                     const Axis& axis) {
    const auto& graph = run.lowered.graph;
    const double left = left_of(run, rank_classes),
                 scale = (kChartWidth - left - kRight) / axis.end;
    const double bottom = 4 + kRow * static_cast<double>(rank_classes.size());
    Svg svg{kChartWidth, bottom + 36, "The schedule over the whole step"};
    double y = 4;
    for (const std::uint32_t c : rank_classes) {
        svg.text(left - 8, y + 12, fitted(graph.rank_classes[c].name, left - 10, 11), "name",
                 "end");
        svg.rect(left, y, kChartWidth - left - kRight, kRow - 3, "idle");
        // One path per kind: boxes that would touch within a fraction of a pixel become one.
        std::array<std::string, 6> paths;
        std::array<double, 6> open{}, until{};
        open.fill(-1);
        const auto close = [&](std::size_t k) {
            if (open[k] >= 0)
                paths[k] += fmt::format("M{:.1f} {:.0f}h{:.1f}v{:.0f}h-{:.1f}z", open[k], y,
                                        std::max(0.1, until[k] - open[k]), kRow - 3,
                                        std::max(0.1, until[k] - open[k]));
        };
        for (const UnitSpan& span : unit_spans(graph, run.line, c, 0)) {
            const auto k = static_cast<std::size_t>(graph.units[span.unit].kind);
            const double begin = left + span.begin * scale, end = left + span.end * scale;
            if (open[k] >= 0 && end - begin < 1.5 && begin - until[k] < 0.3) {
                until[k] = std::max(until[k], end);
                continue;
            }
            close(k);
            open[k] = begin;
            until[k] = std::max(begin + 0.2, end - kSeam * 2);
        }
        for (std::size_t k = 0; k < paths.size(); ++k) {
            close(k);
            svg.path(paths[k], unit_class(static_cast<sim::UnitKind>(k)));
        }
        y += kRow;
    }
    const std::vector<double> at = ticks(axis.end / axis.unit, 9);
    for (const double t : at) {
        const double x = left + t * axis.unit * scale;
        svg.line(x, bottom, x, bottom + 4, "grid");
        svg.text(x, bottom + 17, tick_text(t, at.size() > 1 ? at[1] : 1), "tick", "middle");
    }
    svg.text(kChartWidth - kRight, bottom + 31, axis.title, "tick", "end");
    return svg.str();
}

std::vector<UnitSpan> steady_units(const Simulated& run, std::uint32_t rank_class,
                                   std::size_t count) {
    const auto& units = run.lowered.graph.units;
    const std::vector<UnitSpan> spans = unit_spans(run.lowered.graph, run.line, rank_class, 0);
    std::array<double, 6> seconds{};
    for (const UnitSpan& s : spans)
        if (units[s.unit].kind != sim::UnitKind::optimizer)
            seconds[static_cast<std::size_t>(units[s.unit].kind)] += s.end - s.begin;
    const auto kind = static_cast<sim::UnitKind>(std::max_element(seconds.begin(), seconds.end()) -
                                                 seconds.begin());
    std::size_t best = spans.size();
    const double middle = run.line.makespan / 2;
    for (std::size_t i = 0; i < spans.size(); ++i)
        if (units[spans[i].unit].kind == kind &&
            (best == spans.size() ||
             std::abs(spans[i].begin - middle) < std::abs(spans[best].begin - middle)))
            best = i;
    std::vector<UnitSpan> out;
    for (std::size_t i = best; i < spans.size() && out.size() < count; ++i)
        if (units[spans[i].unit].kind != sim::UnitKind::optimizer) out.push_back(spans[i]);
    return out;
}

}  // namespace moesim::analysis
