#include "analysis/report/html.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim::analysis::html {

namespace {

/// Three figures or more before the unit: 0.1024 -> "102", 17.616 -> "17.62".
std::string figures(double v) {
    const double a = std::abs(v);
    return fmt::format("{:.{}f}", v, a >= 100 ? 1 : a >= 10 ? 2 : a >= 1 ? 3 : 4);
}

std::string scaled(double v, std::string_view unit) {
    static constexpr std::string_view prefix[] = {"", "k", "M", "G", "T", "P", "E"};
    std::size_t i = 0;
    while (std::abs(v) >= 1000 && i + 1 < std::size(prefix)) v /= 1000, ++i;
    return fmt::format("{:.{}f}\u00a0{}{}", v, i == 0 || std::abs(v) >= 100 ? 0 : 1, prefix[i],
                       unit);
}

}  // namespace

std::string escape(std::string_view text) {
    std::string out;
    out.reserve(text.size() + text.size() / 8);
    for (const char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            case '\n':
                out += '\n';
                break;
            default:
                out += (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) ? ' ' : c;
        }
    }
    return out;
}

std::string seconds(double s) {
    const double a = std::abs(s);
    if (a == 0) return "0\u00a0s";
    if (a >= 1) return figures(s) + "\u00a0s";
    if (a >= 1e-3) return fmt::format("{:.{}f}\u00a0ms", s * 1e3, a >= 0.1 ? 1 : 2);
    return fmt::format("{:.1f}\u00a0µs", s * 1e6);
}
std::string bytes(double b) { return scaled(b, "B"); }
std::string rate(double bytes_per_s) { return scaled(bytes_per_s, "B/s"); }
std::string percent(double share, int decimals) {
    return fmt::format("{:.{}f}\u00a0%", 100 * share, decimals);
}

std::string count(double n) {
    std::string digits = fmt::format("{:.0f}", n);
    const auto stop = static_cast<std::ptrdiff_t>(digits.find_first_of("0123456789"));
    for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > stop; at -= 3)
        digits.insert(static_cast<std::size_t>(at), ",");
    return digits;
}

std::string bar(double share, std::string_view cls) {
    return fmt::format("<span class=\"bar\"><i class=\"{}\" style=\"width:{:.1f}%\"></i></span>",
                       cls, 100 * std::clamp(share, 0.0, 1.0));
}

std::string legend(const std::vector<Key>& keys) {
    std::string out = "<ul class=\"legend\">";
    for (const Key& key : keys)
        out += fmt::format("<li><i class=\"{}\"></i>{}</li>", key.cls, escape(key.label));
    return out + "</ul>\n";
}

std::string section(std::string_view id, std::string_view title, std::string_view lead,
                    std::string_view body) {
    return fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n<p>{}</p>\n{}</section>\n\n", id,
                       escape(title), lead, body);
}

std::string script_json(const nlohmann::ordered_json& json) {
    // "</script" and "<!--" end or change a script element, whatever stands in quotes.
    std::string out;
    for (const char c :
         json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)) {
        if (c == '<')
            out += "\\u003c";
        else
            out += c;
    }
    return out;
}

std::string figure(std::string_view drawing, std::string_view caption,
                   const nlohmann::ordered_json& chart) {
    return fmt::format(
        "<figure{}><div class=\"chart\">{}</div>{}{}</figure>\n",
        chart.is_null() ? "" : " class=\"charted\"", drawing,
        chart.is_null() ? ""
                        : "<script type=\"application/json\">" + script_json(chart) + "</script>",
        caption.empty() ? "" : fmt::format("<figcaption>{}</figcaption>", caption));
}

Table& Table::row(const std::vector<std::string>& cells, std::string_view cls) {
    rows_ += cls.empty() ? "<tr>" : fmt::format("<tr class=\"{}\">", cls);
    for (std::size_t i = 0; i < cells.size(); ++i)
        rows_ += fmt::format("<td{}>{}</td>", columns_[i].align == kNumber ? " class=\"n\"" : "",
                             cells[i]);
    rows_ += "</tr>\n";
    return *this;
}

std::string Table::str() const {
    std::string head;
    for (const Column& c : columns_)
        head +=
            fmt::format("<th{}>{}</th>", c.align == kNumber ? " class=\"n\"" : "", escape(c.title));
    return fmt::format(
        "<div class=\"scroll\"><table><thead><tr>{}</tr></thead><tbody>\n{}</tbody>"
        "</table></div>\n",
        head, rows_);
}

}  // namespace moesim::analysis::html
