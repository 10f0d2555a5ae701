#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace moesim::analysis {

/// A CSV file with a header line, RFC 4180 (quoted fields may hold commas, quotes and newlines).
///
/// Every row has as many fields as the header. Complaints point at line and column name:
///
///     path:line: error: column 'gpus': expected a whole number, found 'many'
class CsvTable {
public:
    struct Row {
        int line = 0;  // where it begins
        std::vector<std::string> fields;
    };

    /// Throws sim::InputError for a file that is missing, no text, empty, cut inside quotes, of
    /// uneven rows, or with a column twice.
    static CsvTable read(const std::filesystem::path& path);
    static CsvTable parse(const std::filesystem::path& path, std::string_view text);

    [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }
    [[nodiscard]] bool has(std::string_view column) const { return columns_.contains(column); }
    /// Throws sim::InputError when the header lacks one of them, with the nearest that is there.
    void require(const std::vector<std::string>& columns) const;
    /// "" when there is no such column.
    [[nodiscard]] const std::string& text(const Row& row, std::string_view column) const;
    /// A finite number; throws sim::InputError otherwise, also for an empty field.
    [[nodiscard]] double number(const Row& row, std::string_view column, double least,
                                double most) const;
    [[noreturn]] void fail(const Row& row, std::string_view column, const std::string& what,
                           const std::string& help = {}) const;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
    std::map<std::string, std::size_t, std::less<>> columns_;
    std::vector<Row> rows_;
};

}  // namespace moesim::analysis
