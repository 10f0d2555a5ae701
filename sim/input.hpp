#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sim/units.hpp"

namespace moesim::sim {

/// A complaint about the user's input, rendered as a compiler would:
///
///     path:line:column: error: key: what
///         7 | wire = "450 GB"
///           |        ^~~~~~~~
///     help: hint
///
/// what() is that whole text, without a final newline. main catches it once; exit status 2.
class InputError : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// An input that is well written and asks for what cannot be: keys that do not go together. Who
/// tries many inputs goes on after it; a slip (any other InputError) stands in all of them.
class RuleError : public InputError {
public:
    using InputError::InputError;
};

/// One table of a TOML document: the only way in which this program reads TOML.
///
/// Reading a key declares it. A reader without a fallback requires the key. finish() complains
/// about what nobody read, with the nearest key that somebody did. Every reader throws InputError
/// at the key's place in the file for a wrong type, unit or range; NaN and infinity are refused
/// everywhere. Quantities are strings as in a data sheet: "450 GB/s", "400 Gbit/s", "500 ns",
/// "80 GiB", "989 TFLOPS", "14.8 T" (plain count with a decimal prefix). Copies share the document.
class Table {
public:
    static Table from_file(const std::filesystem::path& path);
    static Table from_text(std::string text, std::string name);

    /// Applies one "key.path=value" of the command line: a TOML value, else a bare string.
    /// An error about such a value points at the assignment itself.
    void set(const std::string& assignment);
    /// Replaces or adds every key of `overlay` (a sub-table of this document, a variant): tables
    /// merge key by key, everything else is replaced. Keys in `skip` are left out. From then on
    /// this table answers for the merged keys: in `overlay` they count as read.
    void merge(const Table& overlay, const std::vector<std::string>& skip = {});
    /// A deep copy that can be set() and merge()d without touching this one; declarations start
    /// anew.
    [[nodiscard]] Table clone() const;

    [[nodiscard]] bool has(std::string_view key) const;
    [[nodiscard]] std::vector<std::string> keys() const;
    [[nodiscard]] bool is_table(std::string_view key) const;
    [[nodiscard]] bool is_text(std::string_view key) const;
    [[nodiscard]] bool is_array(std::string_view key) const;

    std::string text(std::string_view key);
    std::string text(std::string_view key, std::string_view fallback);
    /// One of `known`; anything else is refused with the nearest of them.
    std::string choice(std::string_view key, const std::vector<std::string>& known);
    std::string choice(std::string_view key, const std::vector<std::string>& known,
                       std::string_view fallback);
    /// A whole number of at least `least`; at most 2^53. "15.36 k" and "14.8 T" are understood too.
    std::int64_t count(std::string_view key, std::int64_t least);
    std::int64_t count(std::string_view key, std::int64_t least, std::int64_t fallback);
    /// A finite number within [least, most].
    double number(std::string_view key, double least, double most);
    double number(std::string_view key, double least, double most, double fallback);
    bool flag(std::string_view key, bool fallback);
    BytesPerSecond rate(std::string_view key);
    BytesPerSecond rate(std::string_view key, BytesPerSecond fallback);
    FlopPerSecond flops(std::string_view key);
    Seconds time(std::string_view key);
    Seconds time(std::string_view key, Seconds fallback);
    Bytes bytes(std::string_view key);
    Bytes bytes(std::string_view key, Bytes fallback);
    std::vector<std::string> texts(std::string_view key);  // empty when absent
    std::vector<std::int64_t> counts(std::string_view key,
                                     std::int64_t least);  // empty when absent
    std::vector<double> numbers(std::string_view key, double least, double most);
    std::vector<std::vector<double>> matrix(std::string_view key, double least, double most);

    /// The sub-table at `key`; an absent one is empty and remembers its place for messages.
    Table table(std::string_view key);
    /// The array of tables at `key`, empty when absent.
    std::vector<Table> tables(std::string_view key);
    /// Declares `key` and everything below it without reading it (free text: sources, notes).
    void ignore(std::string_view key);

    /// Throws InputError for the first key, here or in any sub-table handed out, that nobody read.
    void finish() const;

    /// Throws RuleError at `key` (or at this table when `key` is empty or absent).
    [[noreturn]] void fail(std::string_view key, std::string_view what,
                           std::string_view hint = {}) const;
    /// The same for a slip, such as a name that nobody knows: an InputError that is no RuleError.
    [[noreturn]] void refuse(std::string_view key, std::string_view what,
                             std::string_view hint = {}) const;

    /// Everything that was read, defaults filled in, quantities as SI numbers; in order of reading.
    [[nodiscard]] nlohmann::ordered_json resolved() const;
    /// The file this table came from, for paths relative to it; and its text.
    [[nodiscard]] const std::filesystem::path& file() const;
    [[nodiscard]] const std::string& source_text() const;
    /// Dotted path of this table inside the document ("" for the root).
    [[nodiscard]] const std::string& path() const;

    struct Impl;  // the document, shared

private:
    explicit Table(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

/// The nearest of `known` to `word` by edit distance (case-insensitive), or "" when none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

/// The whole of a text file. Throws InputError ("path: error: ...") when it is missing, a
/// directory, unreadable, larger than `limit` bytes, or not text (a NUL byte inside).
std::string read_text_file(const std::filesystem::path& path, std::size_t limit = 256u << 20);

}  // namespace moesim::sim
