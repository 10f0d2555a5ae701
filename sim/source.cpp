#include "sim/source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace moesim::sim {
namespace {

constexpr std::size_t kWindow = 100;  // code points of a source line that are shown
constexpr std::size_t kBefore = 40;   // of them before the region, when the line is cut

std::string_view line_of(std::string_view text, std::size_t line) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // columns do not count the BOM
    for (; line > 1; --line) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
    text = text.substr(0, text.find('\n'));
    if (text.ends_with('\r')) text.remove_suffix(1);
    return text;
}

std::string shown(std::string_view glyph) {
    if (utf8_length(glyph) == 0) return "?";
    const auto first = static_cast<unsigned char>(glyph[0]);
    if (first < 0x20 || first == 0x7f) return "?";
    const bool c1_control = first == 0xc2 && static_cast<unsigned char>(glyph[1]) < 0xa0;
    return c1_control ? "?" : std::string{glyph};
}

/// One displayable string per code point, at most `most` of them.
std::vector<std::string> glyphs(std::string_view text, std::size_t most) {
    std::vector<std::string> out;
    while (!text.empty() && out.size() < most) {
        const std::size_t size = std::max<std::size_t>(1, utf8_length(text));
        out.push_back(text[0] == '\t' ? "\t" : shown(text.substr(0, size)));
        text.remove_prefix(size);
    }
    return out;
}

std::string help(std::string_view hint) {
    std::string out;
    while (!hint.empty()) {
        const std::size_t end = hint.find('\n');
        out += fmt::format("\nhelp: {}", hint.substr(0, end));
        hint.remove_prefix(end == std::string_view::npos ? hint.size() : end + 1);
    }
    return out;
}

/// The source line behind its number, and the underline below it.
std::string excerpt(const Place& place) {
    const std::size_t column = std::max<std::size_t>(1, place.column);
    const auto line = glyphs(line_of(place.source->text, place.line), column + kWindow + 1);
    const std::size_t at = std::min(column - 1, line.size());
    const bool cut_left = at > kWindow - kBefore && line.size() > kWindow;
    const std::size_t from = cut_left ? at - kBefore : 0;
    const std::size_t to = std::min(line.size(), from + kWindow);
    const std::size_t last = place.end_line > place.line ? to : place.end_column - 1;

    std::string text = cut_left ? "..." : "", mark = cut_left ? "   " : "";
    for (std::size_t i = from; i < to; ++i) text += line[i];
    for (std::size_t i = from; i < at; ++i) mark += line[i] == "\t" ? "\t" : " ";
    mark += '^';
    for (std::size_t i = at + 1; i < std::min(last, to); ++i) mark += '~';
    if (to < line.size()) text += "...";
    return fmt::format("\n{:5} | {}\n      | {}", place.line, text, mark);
}

}  // namespace

std::size_t utf8_length(std::string_view text) {
    if (text.empty()) return 0;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = byte(0);
    if (first < 0x80) return 1;
    const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < size) return 0;
    for (std::size_t i = 1; i < size; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
    const bool outside = (first == 0xed && byte(1) > 0x9f) || (first == 0xf4 && byte(1) > 0x8f);
    return overlong || outside ? 0 : size;
}

std::string printable(std::string_view text, std::size_t most) {
    const auto all = glyphs(text, most + 1);
    std::string out;
    for (std::size_t i = 0; i < std::min(all.size(), most); ++i)
        out += all[i] == "\t" ? " " : all[i];
    return all.size() > most ? out + "..." : out;
}

std::string complaint(const Place& place, std::string_view key, std::string_view what,
                      std::string_view hint) {
    return fmt::format("{}:{}:{}: error: {}{}{}{}{}", printable(place.source->name, 4096),
                       place.line, place.column, key, key.empty() ? "" : ": ", what, excerpt(place),
                       help(hint));
}

std::string complaint(std::string_view path, std::string_view what, std::string_view hint) {
    return fmt::format("{}: error: {}{}", printable(path, 4096), what, help(hint));
}

}  // namespace moesim::sim
