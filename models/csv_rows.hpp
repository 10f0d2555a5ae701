#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace moesim::models {

/// The lines of a CSV text, one after another, without copies: '#' begins a comment line, blank
/// lines are passed over, a final '\r' is dropped. No quoting. Numbers complain as a compiler
/// would:
///
///     path:line:column: error: name: what
///         7 | a,0,0,x
///           |       ^
///
/// `name` is the column's header once set_header() was called. The text must outlive the reader.
class CsvRows {
public:
    CsvRows(const std::filesystem::path& path, std::string_view text) : path_{path}, text_{text} {}

    /// Moves on to the next line; false at the end.
    bool next();
    /// Takes the present line as the header: from then on each line must have as many fields.
    void set_header() { header_.assign(fields_.begin(), fields_.end()); }

    [[nodiscard]] int line() const { return number_; }
    [[nodiscard]] const std::vector<std::string_view>& fields() const { return fields_; }
    [[nodiscard]] std::string_view text(std::size_t column) const { return fields_[column]; }
    /// True when the present line is the last one and no newline ends it.
    [[nodiscard]] bool unfinished() const { return unfinished_; }
    [[nodiscard]] long long whole(std::size_t column, long long least, long long most) const;
    [[nodiscard]] double number(std::size_t column, double least, double most) const;

    /// Throws sim::InputError at a field of the present line. `name` replaces the column's.
    [[noreturn]] void fail(std::size_t column, std::string_view what, std::string_view help = {},
                           std::string_view name = {}) const;

private:
    const std::filesystem::path& path_;
    std::string_view text_;
    std::size_t at_ = 0;
    int number_ = 0;
    bool unfinished_ = false;
    std::string_view line_;
    std::vector<std::string_view> fields_;
    std::vector<std::string> header_;
};

/// Throws sim::InputError about a file as a whole: "path: error: what".
[[noreturn]] void fail_file(const std::filesystem::path& path, const std::string& what,
                            const std::string& help = {});

}  // namespace moesim::models
