#include "analysis/report/charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "analysis/report/html.hpp"
#include "analysis/report/svg.hpp"

namespace moesim::analysis {

namespace {

constexpr double kRight = 16, kSize = 11, kBold = 12.4;  // right margin, font sizes

double label_room(const std::vector<StackedBar>& bars) {
    double widest = 0;
    for (const StackedBar& b : bars)
        widest = std::max(widest, text_width(b.label) * (b.strong ? kBold : kSize));
    return std::clamp(widest + 14, 40.0, 260.0);
}

void bottom_axis(Svg& svg, double left, double top, double bottom, const Axis& axis, double scale) {
    const std::vector<double> at = ticks(axis.end / axis.unit, 9);
    const double spacing = at.size() > 1 ? at[1] : 1;
    for (const double t : at) {
        const double x = left + t * axis.unit * scale;
        svg.line(x, top, x, bottom + 4, "grid");
        svg.text(x, bottom + 17, tick_text(t, spacing), "tick", "middle");
    }
    svg.text(kChartWidth - kRight, bottom + 31, axis.title, "tick", "end");
}

}  // namespace

std::string stacked_bars(const std::vector<StackedBar>& bars, const Axis& axis,
                         const std::string& title, const std::optional<Mark>& mark) {
    const double left = label_room(bars), scale = (kChartWidth - left - kRight) / axis.end;
    const double top = mark ? 20 : 4;
    double height = top;
    for (const StackedBar& b : bars) height += b.strong ? 36 : 17;
    Svg svg{kChartWidth, height + 36, title};
    bottom_axis(svg, left, top, height, axis, scale);
    double y = top;
    for (const StackedBar& b : bars) {
        const double tall = b.strong ? 28 : 13;
        const double sum = std::accumulate(b.segments.begin(), b.segments.end(), 0.0,
                                           [](double s, const Segment& g) { return s + g.value; });
        svg.text(left - 8, y + tall / 2 + 4, fitted(b.label, left - 10, b.strong ? kBold : kSize),
                 b.strong ? "name strong" : "name", "end");
        double x = left;
        for (const Segment& g : b.segments) {
            const double w = g.value * scale;
            if (w <= 0) continue;
            const std::string share = html::percent(sum > 0 ? g.value / sum : 0);
            svg.rect(x, y, w, tall, g.cls,
                     fmt::format("{}, {}: {:.4g} {} ({})", b.label, g.label, g.value / axis.unit,
                                 axis.title, share));
            if (b.strong && text_width(share) * kSize + 6 < w)
                svg.text(x + w / 2, y + tall / 2 + 4, share, "on", "middle");
            x += w;
        }
        y += b.strong ? 36 : 17;
    }
    if (mark) {
        const double x = left + mark->value * scale;
        svg.line(x, top - 4, x, height, "mark");
        svg.text(x, 11, mark->label, "tick", x > kChartWidth - 120 ? "end" : "middle");
    }
    return svg.str();
}

nlohmann::ordered_json bars_chart(const std::vector<BarView>& views, const Axis& axis,
                                  const std::optional<Mark>& mark) {
    if (views.empty() || views.front().bars.empty()) return nullptr;
    nlohmann::ordered_json out{
        {"kind", "bars"},
        {"axis", {{"title", axis.title}, {"unit", axis.unit}, {"end", axis.end}}}};
    const std::vector<Segment>& parts = views.front().bars.front().segments;
    for (const Segment& part : parts)
        out["parts"].push_back({{"cls", part.cls}, {"label", part.label}});
    if (mark) out["mark"] = {{"value", mark->value}, {"label", mark->label}};
    for (const BarView& view : views) {
        nlohmann::ordered_json rows = nlohmann::ordered_json::array();
        for (const StackedBar& bar : view.bars) {
            nlohmann::ordered_json values = nlohmann::ordered_json::array();
            for (std::size_t i = 0; i < parts.size(); ++i)
                values.push_back(i < bar.segments.size() ? bar.segments[i].value : 0);
            rows.push_back({{"label", bar.label}, {"strong", bar.strong}, {"values", values}});
        }
        out["views"].push_back({{"name", view.name}, {"rows", rows}});
    }
    return out;
}

std::string spread_chart(const std::vector<Spread>& spreads, double from,
                         const std::string& x_title, const std::string& y_title) {
    constexpr double left = 46, top = 8, high = 190;
    double most = from;
    for (const Spread& s : spreads) most = std::max(most, s.most);
    const double range = most > from ? (most - from) * 1.05 : 1;
    const double step = (kChartWidth - left - kRight) / static_cast<double>(spreads.size());
    const auto y_of = [&](double v) { return top + high * (1 - (v - from) / range); };
    Svg svg{kChartWidth, top + high + 36, y_title};
    const std::vector<double> at = ticks(range, 5);
    for (const double t : at) {
        const double y = y_of(from + t);
        svg.line(left, y, kChartWidth - kRight, y, "grid");
        svg.text(left - 6, y + 4, tick_text(from + t, at.size() > 1 ? at[1] : 1), "tick", "end");
    }
    const double wide = std::min(step * 0.6, 14.0);
    const auto every =
        static_cast<std::size_t>(std::max(1.0, 34 / step));  // labels need about 34 pixels each
    for (std::size_t i = 0; i < spreads.size(); ++i) {
        const Spread& s = spreads[i];
        const double x = left + (static_cast<double>(i) + 0.5) * step;
        svg.line(x, y_of(s.least), x, y_of(s.most), "whisker");
        svg.rect(x - wide / 2, y_of(s.high), wide, std::max(1.0, y_of(s.low) - y_of(s.high)),
                 "c-ep",
                 fmt::format("{}: median {:.3f}, 10 to 90 % {:.3f} to {:.3f}, all {:.3f} to {:.3f}",
                             s.label, s.middle, s.low, s.high, s.least, s.most));
        svg.rect(x - wide / 2, y_of(s.middle) - 0.8, wide, 1.6, "middle");
        if (i % every == 0) svg.text(x, top + high + 16, s.label, "tick", "middle");
    }
    svg.text(kChartWidth - kRight, top + high + 31, x_title, "tick", "end");
    return svg.str();
}

std::string area_chart(const std::vector<double>& values, double top, const Axis& x,
                       const std::string& y_title, const std::string& cls,
                       const std::string& top_label) {
    constexpr double left = 46, above = 20, high = 84;
    const double scale = (kChartWidth - left - kRight) / x.end;
    Svg svg{kChartWidth, above + high + 36, y_title};
    bottom_axis(svg, left, above, above + high, x, scale);
    const double step = (kChartWidth - left - kRight) / static_cast<double>(values.size());
    std::string d = fmt::format("M{} {}", left, above + high);
    double last = -1;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const double y = above + high * (1 - std::clamp(values[i] / top, 0.0, 1.0));
        const double at = left + static_cast<double>(i) * step;
        if (y != last) d += fmt::format("H{:.1f}V{:.1f}", at, y);
        last = y;
    }
    d += fmt::format("H{:.1f}V{}Z", kChartWidth - kRight, above + high);
    svg.path(d, cls);
    svg.line(left, above, kChartWidth - kRight, above, "mark");
    svg.text(left, 12, fmt::format("{} (dashed: {})", y_title, top_label), "tick");
    svg.text(left - 6, above + 4, "100 %", "tick", "end");
    svg.text(left - 6, above + high + 4, "0", "tick", "end");
    return svg.str();
}

}  // namespace moesim::analysis
