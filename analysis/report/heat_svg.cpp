#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "analysis/report/charts.hpp"
#include "analysis/report/svg.hpp"

namespace moesim::analysis {

namespace {

constexpr int kSteps = 9;  // classes h0 to h8 of the style sheet, with h4 neutral

void axis_labels(Svg& svg, std::size_t count, double step, bool across, double at) {
    const std::vector<double> ticks_at = ticks(static_cast<double>(count - 1), 12);
    for (const double t : ticks_at) {
        const double middle = (std::floor(t) + 0.5) * step;
        if (across)
            svg.text(46 + middle, at, fmt::format("{:.0f}", t), "tick", "middle");
        else
            svg.text(at, 4 + middle + 4, fmt::format("{:.0f}", t), "tick", "end");
    }
}

}  // namespace

std::string heat_svg(const std::vector<double>& values, std::size_t columns,
                     const std::string& x_title, const std::string& y_title, bool even) {
    const std::size_t rows = values.size() / columns;
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    const double reach = std::max({*most - 1, 1 - *least, 0.01});
    const double from = even ? 1 - reach : 0, to = even ? 1 + reach : std::max(*most, 1e-300);
    const double wide = (kChartWidth - 62) / static_cast<double>(columns);
    const double tall = std::clamp(360 / static_cast<double>(rows), 2.0, 14.0);
    // One path per colour: neighbours in a row become one box.
    std::array<std::string, kSteps> paths;
    const auto step_of = [&](std::size_t i) {
        const double share = (values[i] - from) / (to - from);
        return std::clamp(static_cast<int>(share * kSteps), 0, kSteps - 1);
    };
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < columns;) {
            const int step = step_of(r * columns + c);
            std::size_t end = c + 1;
            while (end < columns && step_of(r * columns + end) == step) ++end;
            paths[static_cast<std::size_t>(step)] += fmt::format(
                "M{:.1f} {:.1f}h{:.1f}v{:.1f}h-{:.1f}z", 46 + static_cast<double>(c) * wide,
                4 + static_cast<double>(r) * tall, static_cast<double>(end - c) * wide, tall,
                static_cast<double>(end - c) * wide);
            c = end;
        }
    const double bottom = 4 + static_cast<double>(rows) * tall;
    Svg svg{kChartWidth, bottom + 36, y_title + " by " + x_title};
    for (int s = 0; s < kSteps; ++s)
        svg.path(paths[static_cast<std::size_t>(s)], fmt::format("{}{}", even ? "h" : "s", s));
    axis_labels(svg, columns, wide, true, bottom + 16);
    axis_labels(svg, rows, tall, false, 40);
    svg.text(46, bottom + 31,
             fmt::format("down: {}; colours from {:.3g} to {:.3g}", y_title, *least, *most),
             "tick");
    svg.text(kChartWidth - 16, bottom + 31, x_title, "tick", "end");
    return svg.str();
}

nlohmann::ordered_json heat_chart(const std::vector<double>& values, std::size_t columns,
                                  const std::string& x_title, const std::string& y_title,
                                  const std::string& value, int digits, bool even) {
    const auto labels = [](std::size_t n) {
        nlohmann::ordered_json out = nlohmann::ordered_json::array();
        for (std::size_t i = 0; i < n; ++i) out.push_back(std::to_string(i));
        return out;
    };
    nlohmann::ordered_json rounded = nlohmann::ordered_json::array();
    const double scale = std::pow(10.0, digits);
    for (const double v : values) rounded.push_back(std::round(v * scale) / scale);
    return {{"kind", "heat"},
            {"x", {{"title", x_title}, {"labels", labels(columns)}}},
            {"y", {{"title", y_title}, {"labels", labels(values.size() / columns)}}},
            {"value", value},
            {"digits", digits},
            {"scale", even ? "even" : "from-zero"},
            {"values", rounded}};
}

}  // namespace moesim::analysis
