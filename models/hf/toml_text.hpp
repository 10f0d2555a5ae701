#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace moesim::models::hf {

/// A tree as TOML: plain values first, then tables ([a.b]) and arrays of tables ([[a.b]]).
std::string toml_text(const nlohmann::ordered_json& tree);

}  // namespace moesim::models::hf
