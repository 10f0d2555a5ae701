#pragma once

#include <memory>

#include "sim/source.hpp"

namespace moesim::sim {

/// Throws InputError for what must not reach the parser; everything else passes, valid or not.
///
///   a NUL byte                      this is no text
///   a key of more than 32 parts     toml++ 3.3 limits nested values but not dotted keys: one of
///                                   200,000 parts overflows the stack when the tree is destroyed
///   U+0080 and above outside        not TOML 1.0; toml++ 3.3 runs into an "unreachable" place for
///   strings and comments            most of it (is_non_ascii_horizontal_whitespace), and crashes
///   the same behind a backslash     the same place. Legal TOML only where the backslash ends a
///   in a """string"""               line; written \u00e4 there, it passes
///
/// Strings and comments are told apart as toml++ does, up to the first place where it stops.
void guard_parser(const std::shared_ptr<const Source>& source);

}  // namespace moesim::sim
