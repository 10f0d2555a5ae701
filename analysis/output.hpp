#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace moesim::analysis {

/// Writes to a temporary name beside `path` and renames it, so that no half-written file is ever
/// seen. Creates missing folders. Throws sim::InputError when it cannot (read-only, full, ...).
void write_file(const std::filesystem::path& path, std::string_view content);

/// Writes files of one folder: all under temporary names first, so that a full disk leaves what was
/// there before.
void write_files(const std::filesystem::path& folder,
                 const std::map<std::string, std::string>& files);

/// Whether files can be written into a folder (made when missing), or to a file or "-": to be asked
/// before long work. Throws sim::InputError.
void check_folder(const std::filesystem::path& folder);
void check_target(const std::string& target);

/// `target` is a file or "-" (standard output). Two-space indented, final newline.
void write_json(const std::string& target, const nlohmann::ordered_json& json);

/// Text for the person at the terminal, on standard output; silent when `quiet` or when JSON was
/// asked for on standard output (write_json with "-").
void say(const std::string& text);
void set_quiet(bool quiet);
bool is_quiet();

/// gzip of `content` (deterministic: no time stamp).
std::string gzip(std::string_view content);

}  // namespace moesim::analysis
