#include "analysis/validation/csv_table.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "sim/input.hpp"

namespace moesim::analysis {
namespace {

std::string excerpt(std::string_view text) {
    return std::string{text.substr(0, 60)} + (text.size() > 60 ? "..." : "");
}

/// Splits a text into rows of fields.
class Splitter {
public:
    Splitter(const std::filesystem::path& path, std::string_view text) : path_{path}, text_{text} {
        if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
    }

    /// False at the end; blank lines are passed over.
    bool next(CsvTable::Row& row) {
        while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) skip_newline();
        if (at_ >= text_.size()) return false;
        row = {line_, {}};
        for (;;) {
            row.fields.push_back(at_ < text_.size() && text_[at_] == '"' ? quoted() : plain());
            if (at_ >= text_.size() || text_[at_] != ',') break;
            ++at_;
        }
        if (at_ < text_.size()) skip_newline();
        return true;
    }

private:
    void skip_newline() {
        if (text_[at_] == '\r') ++at_;
        if (at_ < text_.size() && text_[at_] == '\n') ++at_;
        ++line_;
    }
    std::string plain() {
        const std::size_t from = at_;
        at_ = std::min(text_.find_first_of(",\r\n", at_), text_.size());
        return std::string{text_.substr(from, at_ - from)};
    }
    std::string quoted() {
        const int begun = line_;
        std::string out;
        for (++at_; at_ < text_.size(); ++at_) {
            if (text_[at_] == '\n') ++line_;
            if (text_[at_] != '"') {
                out += text_[at_];
            } else if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
                out += '"';
                ++at_;
            } else {
                ++at_;
                if (at_ < text_.size() && text_.find_first_of(",\r\n", at_) != at_)
                    throw sim::InputError{fmt::format(
                        "{}:{}: error: text after a closing quote\nhelp: write a quote inside a "
                        "quoted field twice",
                        path_.string(), line_)};
                return out;
            }
        }
        throw sim::InputError{
            fmt::format("{}:{}: error: a quote that is never closed: the file is cut off",
                        path_.string(), begun)};
    }

    const std::filesystem::path& path_;
    std::string_view text_;
    std::size_t at_ = 0;
    int line_ = 1;
};

}  // namespace

CsvTable CsvTable::read(const std::filesystem::path& path) {
    return parse(path, sim::read_text_file(path));
}

CsvTable CsvTable::parse(const std::filesystem::path& path, std::string_view text) {
    CsvTable out;
    out.path_ = path;
    Splitter splitter{path, text};
    Row header;
    if (!splitter.next(header))
        throw sim::InputError{fmt::format("{}: error: the file is empty", path.string())};
    for (std::size_t i = 0; i < header.fields.size(); ++i)
        if (!out.columns_.emplace(header.fields[i], i).second)
            throw sim::InputError{fmt::format("{}:{}: error: column '{}' stands there twice",
                                              path.string(), header.line,
                                              excerpt(header.fields[i]))};
    for (Row row; splitter.next(row); out.rows_.push_back(std::move(row)))
        if (row.fields.size() != header.fields.size())
            throw sim::InputError{fmt::format("{}:{}: error: {} fields, but the header has {}",
                                              path.string(), row.line, row.fields.size(),
                                              header.fields.size())};
    return out;
}

void CsvTable::require(const std::vector<std::string>& columns) const {
    std::vector<std::string> known;
    for (const auto& [name, index] : columns_) known.push_back(name);
    for (const std::string& column : columns) {
        if (has(column)) continue;
        const std::string near = sim::nearest(column, known);
        throw sim::InputError{
            fmt::format("{}:1: error: column '{}' is missing{}", path_.string(), column,
                        near.empty() ? "" : fmt::format("\nhelp: is '{}' meant?", near))};
    }
}

const std::string& CsvTable::text(const Row& row, std::string_view column) const {
    static const std::string none;
    const auto at = columns_.find(column);
    return at == columns_.end() ? none : row.fields[at->second];
}

double CsvTable::number(const Row& row, std::string_view column, double least, double most) const {
    const std::string& field = text(row, column);
    double value = 0;
    const auto end = field.data() + field.size();
    const auto [stop, error] = std::from_chars(field.data(), end, value);
    if (error != std::errc{} || stop != end || !std::isfinite(value))
        fail(row, column, fmt::format("expected a number, found '{}'", excerpt(field)));
    if (value < least || value > most)
        fail(row, column, fmt::format("{} is not within [{}, {}]", excerpt(field), least, most));
    return value;
}

void CsvTable::fail(const Row& row, std::string_view column, const std::string& what,
                    const std::string& help) const {
    throw sim::InputError{fmt::format("{}:{}: error: column '{}': {}{}", path_.string(), row.line,
                                      column, what, help.empty() ? "" : "\nhelp: " + help)};
}

}  // namespace moesim::analysis
