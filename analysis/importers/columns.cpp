#include "analysis/importers/columns.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "sim/input.hpp"

namespace moesim::analysis {

Columns::Columns(const std::string& path, std::string_view text) : path_{path}, rows_{path_, text} {
    if (!rows_.next()) models::fail_file(path_, "has no header line", "is it empty?");
    rows_.set_header();
    for (const std::string_view name : rows_.fields()) header_.emplace_back(name);
}

bool Columns::has(std::string_view name) const {
    return std::find(header_.begin(), header_.end(), name) != header_.end();
}

bool Columns::has_all(std::initializer_list<std::string_view> names) const {
    return std::all_of(names.begin(), names.end(), [&](auto name) { return has(name); });
}

void Columns::need(std::initializer_list<std::string_view> names) const {
    for (const std::string_view name : names)
        if (!has(name))
            rows_.fail(0, fmt::format("no column '{}'", name),
                       fmt::format("needed: {}", fmt::join(names, ",")), "header");
}

bool Columns::next(Import& import) {
    if (!rows_.next()) return false;
    ++import.read;
    return true;
}

std::size_t Columns::index(std::string_view name) const {
    return static_cast<std::size_t>(std::find(header_.begin(), header_.end(), name) -
                                    header_.begin());
}

std::string_view Columns::text(std::string_view name) const {
    const std::size_t i = index(name);
    return i < header_.size() ? rows_.text(i) : std::string_view{};
}

double Columns::positive(std::string_view name) const {
    const std::string_view field = text(name);
    double value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc{} || end != field.data() + field.size() || !std::isfinite(value) ||
        !(value > 0) || value > 1e15)
        return std::numeric_limits<double>::quiet_NaN();
    return value;
}

std::string Columns::where() const { return fmt::format("{}:{}", path_.string(), rows_.line()); }

void Columns::fail(std::string_view what, std::string_view help) const {
    rows_.fail(0, what, help, "header");
}

}  // namespace moesim::analysis
