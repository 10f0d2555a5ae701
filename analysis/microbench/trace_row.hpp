#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analysis/microbench/measurement.hpp"

namespace moesim::microbench {

inline constexpr std::string_view kFirstLine = "# moesim trace CSV, version 1";

/// Names of the columns, in the order in which they are written.
const std::vector<std::string>& columns();
std::string header();

/// One line without its end. Commas, quotes and line ends inside a text become semicolons and
/// spaces.
std::string write_row(const Measurement& row);

/// The measurement in `line` whose fields are named by `names` (unknown names are skipped, so that
/// later versions may add columns). Throws std::runtime_error with the column and what it held.
Measurement read_row(const std::vector<std::string>& names, std::string_view line);

/// What makes a row the same measurement again: device and everything in Case.
std::string key(const std::string& device, const Case& what);

/// The fields of a line: no quoting, as none is written.
std::vector<std::string> split(std::string_view line, char at = ',');

}  // namespace moesim::microbench
