#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace moesim::analysis {

/// A result as CSV files by name: breakdown.csv and phases.csv (a row per rank class), kernels.csv,
/// links.csv, ops.csv, critical_path.csv; sensitivity.csv and variants.csv when there are such.
/// Units stand in the column names; quoted as in RFC 4180, lines end in "\n".
std::map<std::string, std::string> csv_tables(const nlohmann::ordered_json& result);

/// One field: quoted when it holds a comma, a quote or a line end.
std::string csv_field(std::string_view text);

}  // namespace moesim::analysis
