#pragma once

#include <memory>

#include "sim/node.hpp"

namespace moesim::sim {

/// A JSON text as the tree that TOML is read into, each value with its place.
///
/// As Python writes and reads it: NaN, Infinity and -Infinity are numbers (of which no reader of a
/// count or a size takes any), null is a Date, which no reader takes either, a byte order mark is
/// passed over. Throws InputError at the first place that is not JSON, at a key that comes
/// twice, below 64 levels of nesting, and behind 4 MiB.
Node parse_json(const std::shared_ptr<const Source>& source);

/// `key` behind a JSON pointer: "/text_config" and "num~experts" give "/text_config/num~0experts".
std::string pointer(std::string_view path, std::string_view key);

}  // namespace moesim::sim
