#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace moesim::analysis::html {

/// `text` as it may stand in HTML, in an attribute and in SVG; control characters become blanks.
std::string escape(std::string_view text);

/// Figures for reading: "17.62 s", "102.4 ms", "82.0 GB", "50.0 GB/s", "8.4 %", "62,914,560". No
/// line breaks before a unit.
std::string seconds(double s);
std::string bytes(double b);
std::string rate(double bytes_per_s);
std::string percent(double share, int decimals = 1);
std::string count(double n);

/// A span of a cell's width, `share` of it, coloured as `cls` (see style.cpp).
std::string bar(double share, std::string_view cls);

/// What the colours mean. Labels are text.
struct Key {
    std::string cls, label;
};
std::string legend(const std::vector<Key>& keys);

/// A heading with an anchor, a lead sentence (HTML) and a body (HTML).
std::string section(std::string_view id, std::string_view title, std::string_view lead,
                    std::string_view body);
/// A drawing with a caption (HTML). `chart`, when it is not null, is what the page's script draws
/// in its place on a screen: an object with `kind` and what charts/KIND.js asks for.
std::string figure(std::string_view drawing, std::string_view caption,
                   const nlohmann::ordered_json& chart = nullptr);
/// JSON as it may stand in a script element.
std::string script_json(const nlohmann::ordered_json& json);

/// A plain table. Cells are HTML: text goes through escape() first.
class Table {
public:
    enum class Align { text, number };
    struct Column {
        std::string title;
        Align align = Align::text;
    };
    explicit Table(std::vector<Column> columns) : columns_{std::move(columns)} {}

    Table& row(const std::vector<std::string>& cells, std::string_view cls = {});
    [[nodiscard]] std::string str() const;

private:
    std::vector<Column> columns_;
    std::string rows_;
};
inline constexpr Table::Align kText = Table::Align::text, kNumber = Table::Align::number;

}  // namespace moesim::analysis::html
