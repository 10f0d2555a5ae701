#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace moesim::analysis {

inline constexpr double kChartWidth = 1120;

/// What an axis counts in: values are divided by `unit` before they are written.
struct Axis {
    std::string title;  // "seconds"
    double unit = 1;    // 1e-3 for milliseconds
    double end = 1;     // in the values' own unit
};

struct Segment {
    std::string cls, label;
    double value = 0;
};
struct StackedBar {
    std::string label;
    std::vector<Segment> segments;
    bool strong = false;  // taller: the one to look at first
};
struct Mark {
    double value;
    std::string label;
};
/// Horizontal bars, one below the other, with every segment's label and value as a tooltip; a
/// dashed line at `mark`. A taller bar carries shares of its own sum where they fit.
std::string stacked_bars(const std::vector<StackedBar>& bars, const Axis& axis,
                         const std::string& title, const std::optional<Mark>& mark = {});

/// Bars under a name, of which the reader chooses one at a time.
struct BarView {
    std::string name;
    std::vector<StackedBar> bars;
};
/// The same bars for the page's script (charts/bars.js): null when there are none. All bars have
/// the segments of the first.
nlohmann::ordered_json bars_chart(const std::vector<BarView>& views, const Axis& axis,
                                  const std::optional<Mark>& mark = {});

/// How a quantity spreads at one position of the horizontal axis.
struct Spread {
    std::string label;
    double least, low, middle, high, most;  // low and high: 10th and 90th percentile
};
/// Thin line from least to most, thick from low to high, a dot in the middle; `from` is the
/// bottom of the vertical axis.
std::string spread_chart(const std::vector<Spread>& spreads, double from,
                         const std::string& x_title, const std::string& y_title);

/// Values over evenly spaced positions as a filled area, up to `top`.
std::string area_chart(const std::vector<double>& values, double top, const Axis& x,
                       const std::string& y_title, const std::string& cls,
                       const std::string& top_label);

/// Numbers [rows * columns] as colours in a few steps from `least` to `most`; `even`: colours of
/// two kinds, below and above 1.
std::string heat_svg(const std::vector<double>& values, std::size_t columns,
                     const std::string& x_title, const std::string& y_title, bool even);
/// The same for the page's script (charts/heat.js). Labels count from 0.
nlohmann::ordered_json heat_chart(const std::vector<double>& values, std::size_t columns,
                                  const std::string& x_title, const std::string& y_title,
                                  const std::string& value, int digits, bool even);

}  // namespace moesim::analysis
