#pragma once

#include <cstddef>
#include <string>

#include "sim/input.hpp"

namespace moesim::analysis {

/// A text of the command line, or of a scenario's array, with a name for messages ("--vary").
struct OptionText {
    std::string name;
    std::string text;

    /// Throws sim::InputError about the bytes [from, to) of the text, as for a file.
    [[noreturn]] void refuse(std::size_t from, std::size_t to, std::string_view what,
                             std::string_view hint = {}) const;
};

}  // namespace moesim::analysis
