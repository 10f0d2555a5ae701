#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moesim::analysis {

/// A drawing of fixed size in a page's own colours: shapes carry class names, never colours.
/// All text that is passed in is escaped here.
class Svg {
public:
    Svg(double width, double height, std::string_view title);

    void rect(double x, double y, double w, double h, std::string_view cls,
              std::string_view tip = {});
    /// `anchor`: start, middle or end.
    void text(double x, double y, std::string_view what, std::string_view cls = {},
              std::string_view anchor = "start");
    /// Text standing on end, read from below, centred at (x, y).
    void upright(double x, double y, std::string_view what, std::string_view cls);
    void line(double x1, double y1, double x2, double y2, std::string_view cls);
    void path(std::string_view d, std::string_view cls);
    [[nodiscard]] std::string str() const;

private:
    std::string out_;
};

/// Round positions from 0 to at most `end`, about `about` of them.
std::vector<double> ticks(double end, int about);
/// A tick's value with as many decimals as their spacing needs.
std::string tick_text(double value, double spacing);
/// Width of `text` in units of its font size (a sans-serif face, on average).
double text_width(std::string_view text);
/// `text` cut to what `width` holds at `size`, with an ellipsis; empty when nothing sensible fits.
std::string fitted(std::string_view text, double width, double size);

}  // namespace moesim::analysis
