#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/sweep/option_text.hpp"

namespace moesim::analysis {

/// A key that a sweep varies, and what it is given.
struct SweepAxis {
    std::string key;                  // "parallel.tensor"
    std::vector<std::string> values;  // as Table::set takes them: TOML, else a bare string
};

/// "key.path=a,b,c": single values and ranges, in the order written.
///
///     1..4       1, 2, 3, 4            2..10+4    2, 6, 10
///     1..64*2    1, 2, 4, ..., 64      ["a","b"]  one value: commas inside brackets or quotes
///                                                 separate nothing
///
/// Throws sim::InputError for what is no such text, a range that never ends, or too many values.
SweepAxis read_axis(const OptionText& in);

/// A value as JSON: numbers, booleans, arrays and quoted strings as such, all else as a string.
nlohmann::ordered_json json_of(const std::string& value);

}  // namespace moesim::analysis
