#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace moesim::sim {

/// A text that the user wrote: a file, or one --set assignment.
struct Source {
    std::string name;  // as shown in messages
    std::string text;
    std::filesystem::path file;
};

/// A region of a source. Lines and columns (code points) count from 1; the end is exclusive.
struct Place {
    std::shared_ptr<const Source> source;
    std::size_t line = 1, column = 1;
    std::size_t end_line = 1, end_column = 1;
};

/// The text of an InputError about a place: the first line, the source line with what is wrong
/// underlined, one "help:" per line of `hint` (none when empty). `key` is dotted, or empty.
/// Long source lines are cut to a window; bytes that a terminal should not see become '?'.
std::string complaint(const Place& place, std::string_view key, std::string_view what,
                      std::string_view hint);

/// The same without a place: "path: error: what".
std::string complaint(std::string_view path, std::string_view what, std::string_view hint);

/// `text` as valid UTF-8 without control characters, at most `most` code points ("..." when cut).
std::string printable(std::string_view text, std::size_t most = 200);

/// Length of the UTF-8 sequence at the start of `text`, 0 when it is not a valid one.
std::size_t utf8_length(std::string_view text);

}  // namespace moesim::sim
