#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "analysis/importers/importer.hpp"
#include "models/csv_rows.hpp"

namespace moesim::analysis {

/// A CSV table read by column name.
///
///     Columns in{path, text};
///     while (in.next(import)) ... in.number("m") ...
///
/// A line with more or fewer fields than the header throws sim::InputError at its place, as does a
/// table without rows.
class Columns {
public:
    Columns(const std::string& path, std::string_view text);

    [[nodiscard]] bool has(std::string_view name) const;
    [[nodiscard]] bool has_all(std::initializer_list<std::string_view> names) const;
    /// Throws sim::InputError at the header when a column is missing.
    void need(std::initializer_list<std::string_view> names) const;
    /// On to the next row, counted in `import.read`; false at the end.
    bool next(Import& import);

    [[nodiscard]] std::string_view text(std::string_view name) const;
    /// A finite number above zero, or NaN when the field holds anything else.
    [[nodiscard]] double positive(std::string_view name) const;
    [[nodiscard]] std::string where() const;  // "path:line"
    [[nodiscard]] const std::vector<std::string>& header() const { return header_; }
    [[noreturn]] void fail(std::string_view what, std::string_view help = {}) const;

private:
    [[nodiscard]] std::size_t index(std::string_view name) const;

    std::filesystem::path path_;
    models::CsvRows rows_;
    std::vector<std::string> header_;
};

}  // namespace moesim::analysis
