#pragma once

#include <string_view>

#include "sim/input.hpp"

namespace moesim::models {

/// A size of a model (a width, a number of heads, ...): a whole number from `least` to 1e8, so that
/// no product of three of them leaves what a double counts well. Throws sim::InputError.
int read_size(sim::Table& in, std::string_view key, int least);
int read_size(sim::Table& in, std::string_view key, int least, int fallback);

}  // namespace moesim::models
