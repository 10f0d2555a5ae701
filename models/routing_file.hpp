#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "models/routing.hpp"

namespace moesim::models {

/// A file that a routing reads, and whether it is the user's own or one of the tables that come
/// with the program (found by name).
struct RoutingFile {
    std::filesystem::path path;
    bool own = false;
};

/// The file that the key `file` means: a path, beside the scenario first, then from where the
/// program was started; else the name of a table in models/routing. `fallback` as for Table::text;
/// required when empty. Throws sim::InputError at the key.
RoutingFile find_routing_file(sim::Table& in, const std::string& fallback);

/// Which of the layers found in a file each MoE layer takes. [shape.moe_layers], indices into found
///
/// found   the numbers of the layers in the file, ascending
/// exact   reads the key `layers` ("exact" or "nearest"); this is its default
/// exact:   one after another; the file must have as many layers as the model has MoE layers, and
/// no
///          gap between them. MTP layers that it lacks take the last one.
/// nearest: the layer nearest in relative depth; the file's first and last layer are the model's
///          first and last MoE layer (OLMoE: 0, 7 and 15 of 16).
/// Throws sim::InputError at `file`.
std::vector<std::size_t> map_layers(sim::Table& in, const std::vector<int>& found,
                                    const RoutingShape& shape, bool exact);

}  // namespace moesim::models
