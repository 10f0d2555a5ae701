#include "models/csv_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "sim/input.hpp"

namespace moesim::models {
namespace {

/// The start of a long line: enough to recognise it by.
constexpr std::size_t kShown = 200;

template <class T>
T read(const CsvRows& rows, std::size_t column, T least, T most, std::string_view noun) {
    const std::string_view field = rows.text(column);
    T value{};
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc{} || end != field.data() + field.size() || !(value >= least) ||
        !(value <= most))
        rows.fail(column, fmt::format("'{}' is not a {} from {} to {}", field.substr(0, kShown),
                                      noun, least, most));
    return value;
}

}  // namespace

bool CsvRows::next() {
    while (at_ < text_.size()) {
        const std::size_t newline = text_.find('\n', at_);
        const std::size_t end = std::min(newline, text_.size());
        line_ = text_.substr(at_, end - at_);
        unfinished_ = newline == std::string_view::npos;
        at_ = end + 1;
        ++number_;
        if (!line_.empty() && line_.back() == '\r') line_.remove_suffix(1);
        if (line_.empty() || line_.front() == '#') continue;
        fields_.clear();
        for (std::size_t begin = 0; begin <= line_.size();) {
            const std::size_t comma = std::min(line_.find(',', begin), line_.size());
            fields_.push_back(line_.substr(begin, comma - begin));
            begin = comma + 1;
        }
        if (!header_.empty() && fields_.size() != header_.size())
            fail(
                fields_.size() - 1,
                fmt::format("{} fields, the header has {}{}", fields_.size(), header_.size(),
                            unfinished_ ? "; no newline ends the line, was the file cut off?" : ""),
                fmt::format("{}", fmt::join(header_, ",")), header_[0]);
        return true;
    }
    return false;
}

long long CsvRows::whole(std::size_t column, long long least, long long most) const {
    return read(*this, column, least, most, "whole number");
}

double CsvRows::number(std::size_t column, double least, double most) const {
    return read(*this, column, least, most, "number");
}

void CsvRows::fail(std::size_t column, std::string_view what, std::string_view help,
                   std::string_view name) const {
    const std::string_view field = fields_[std::min(column, fields_.size() - 1)];
    const auto begin = static_cast<std::size_t>(field.data() - line_.data());
    if (name.empty() && column < header_.size()) name = header_[column];
    if (name.empty()) name = "header";
    std::string out =
        fmt::format("{}:{}:{}: error: {}: {}", path_.string(), number_, begin + 1, name, what);
    if (begin < kShown) {
        const std::size_t width = std::clamp<std::size_t>(field.size(), 1, kShown - begin);
        out += fmt::format("\n{:5} | {}\n      | {}^{}", number_, line_.substr(0, kShown),
                           std::string(begin, ' '), std::string(width - 1, '~'));
    }
    if (!help.empty()) out += fmt::format("\nhelp: {}", help);
    throw sim::InputError(out);
}

void fail_file(const std::filesystem::path& path, const std::string& what,
               const std::string& help) {
    throw sim::InputError(
        fmt::format("{}: error: {}{}", path.string(), what, help.empty() ? "" : "\nhelp: " + help));
}

}  // namespace moesim::models
