#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "sim/input.hpp"

namespace moesim::models {

/// The file of the model that people mean by `name`:
///
///   mixtral-8x7b              a file of models/zoo on the search path
///   DeepSeekV3 (w/o MTP)      a name or alias of the zoo, whatever its case, blanks and
///   punctuation;
///                             what stands in brackets at the end is left out when nothing fits
///                             else
///   org/Mixtral-8x7B          the same for what follows the last slash, when there is no such file
///   mine.toml, a/config.json  a file of the user's; a folder stands for the config.json in it
///
/// Throws sim::InputError with the nearest known name.
std::filesystem::path find_model(const std::string& name);

/// The same for the name at `key`, where a complaint then points.
std::filesystem::path find_model(sim::Table& in, std::string_view key);

/// Letters and digits of a name in lower case: "Qwen3_235B_a22B" and "qwen3-235b-a22b" are one.
std::string normalised(std::string_view name);

/// Every name that a file of the zoo goes by: its stem, then its `aliases`.
std::vector<std::string> names_of(const std::string& zoo_name);

}  // namespace moesim::models
