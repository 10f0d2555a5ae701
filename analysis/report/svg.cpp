#include "analysis/report/svg.hpp"

#include <fmt/format.h>

#include <cmath>

#include "analysis/report/html.hpp"

namespace moesim::analysis {

namespace {

std::string attribute(std::string_view cls) {
    return cls.empty() ? std::string{} : fmt::format(" class=\"{}\"", cls);
}

/// Tenths of a pixel, without idle zeros: it halves the size of a page.
std::string px(double v) {
    std::string out = fmt::format("{:.1f}", v);
    if (out.ends_with(".0")) out.resize(out.size() - 2);
    return out == "-0" ? "0" : out;
}

std::size_t letters(std::string_view text) {
    std::size_t n = 0;
    for (const char c : text) n += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    return n;
}

}  // namespace

Svg::Svg(double width, double height, std::string_view title)
    : out_{fmt::format("<svg viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\">"
                       "<title>{2}</title>\n",
                       px(width), px(height), html::escape(title))} {}

void Svg::rect(double x, double y, double w, double h, std::string_view cls, std::string_view tip) {
    out_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{}", px(x), px(y), px(w),
                        px(h), attribute(cls));
    out_ += tip.empty() ? "/>\n" : fmt::format("><title>{}</title></rect>\n", html::escape(tip));
}

void Svg::text(double x, double y, std::string_view what, std::string_view cls,
               std::string_view anchor) {
    out_ += fmt::format("<text x=\"{}\" y=\"{}\"{}{}>{}</text>\n", px(x), px(y), attribute(cls),
                        anchor == "start" ? "" : fmt::format(" text-anchor=\"{}\"", anchor),
                        html::escape(what));
}

void Svg::upright(double x, double y, std::string_view what, std::string_view cls) {
    out_ += fmt::format(
        "<text transform=\"translate({} {})rotate(-90)\"{} text-anchor=\"middle\">{}</text>\n",
        px(x), px(y), attribute(cls), html::escape(what));
}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view cls) {
    out_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"{}/>\n", px(x1), px(y1),
                        px(x2), px(y2), attribute(cls));
}

void Svg::path(std::string_view d, std::string_view cls) {
    if (!d.empty()) out_ += fmt::format("<path d=\"{}\"{}/>\n", d, attribute(cls));
}

std::string Svg::str() const { return out_ + "</svg>"; }

std::vector<double> ticks(double end, int about) {
    if (!(end > 0) || !std::isfinite(end)) return {0};
    const double rough = end / about, ten = std::pow(10, std::floor(std::log10(rough)));
    const double spacing = ten * (rough <= ten       ? 1
                                  : rough <= 2 * ten ? 2
                                  : rough <= 5 * ten ? 5
                                                     : 10);
    std::vector<double> out;
    for (int i = 0; i * spacing <= end * (1 + 1e-9); ++i) out.push_back(i * spacing);
    return out;
}

std::string tick_text(double value, double spacing) {
    const int decimals =
        spacing >= 1 || spacing <= 0 ? 0 : static_cast<int>(std::ceil(-std::log10(spacing) - 1e-9));
    return fmt::format("{:.{}f}", value, decimals);
}

double text_width(std::string_view text) { return 0.56 * static_cast<double>(letters(text)); }

std::string fitted(std::string_view text, double width, double size) {
    if (text_width(text) * size <= width) return std::string{text};
    const auto room = static_cast<std::size_t>(std::max(0.0, width / (0.56 * size) - 1));
    if (room < 3) return {};
    std::string out;
    std::size_t n = 0;
    for (const char c : text) {
        if ((static_cast<unsigned char>(c) & 0xc0) != 0x80 && n++ == room) break;
        out += c;
    }
    return out + "…";
}

}  // namespace moesim::analysis
