#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace moesim::sim {

class Table;

/// Where data files are found: folders given by --path first, then the source tree that this was
/// built from (when it still stands), then share/moesim under the install prefix.
void add_search_path(const std::filesystem::path& dir);

/// The file of `kind` (a folder such as "models/zoo", "topologies/devices") that `name` means: a
/// path that exists and ends in `extension`, else kind/name+extension on the search path. Throws
/// sim::InputError naming `what` ("model") with the nearest known name.
std::filesystem::path find_data(const std::string& what, const std::string& kind,
                                const std::string& name, const std::string& extension = ".toml");

/// The same for the name that stands at `key` of a table, where a complaint then points.
std::filesystem::path find_data(Table& in, std::string_view key, const std::string& kind,
                                const std::string& extension = ".toml");

/// Names (file stems) of all files of `kind` on the search path, sorted.
std::vector<std::string> list_data(const std::string& kind, const std::string& extension = ".toml");

/// Names of all folders below `kind` on the search path, sorted.
std::vector<std::string> list_folders(const std::string& kind);

}  // namespace moesim::sim
