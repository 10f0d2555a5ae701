#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "models/hf/config.hpp"
#include "sim/input.hpp"
#include "sim/registry.hpp"

namespace moesim::models::hf {

/// How the config.json of a family of models is read. A new family is a new file in models/hf/; it
/// registers itself under each `model_type` that it reads, as the file spells it.
class Family {
public:
    virtual ~Family() = default;
    /// The model as the tree of a model's TOML (keys: models/model.hpp), without its name.
    /// Throws sim::InputError with the JSON pointer of what is missing, wrong or contradictory.
    virtual nlohmann::ordered_json read(const Config& in) const = 0;
    /// Adds what the whole file (`root`) says of towers for other media, for families that count
    /// them; `in` was the language model inside it.
    virtual void add_towers(const Config& root, nlohmann::ordered_json& model) const {
        static_cast<void>(root);
        static_cast<void>(model);
    }
};

}  // namespace moesim::models::hf
