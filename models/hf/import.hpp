#pragma once

#include <string>

namespace moesim::models::hf {

/// The TOML of the model that a config.json describes. `import` in it says which family read it,
/// which members were left out (`filled`, with the values that transformers fills in) and which
/// were passed over (`ignored`: quantisation, towers for other media). Throws sim::InputError.
std::string toml_of_config(const std::string& path);

}  // namespace moesim::models::hf
