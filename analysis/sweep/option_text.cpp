#include "analysis/sweep/option_text.hpp"

#include <algorithm>

#include "sim/source.hpp"

namespace moesim::analysis {

void OptionText::refuse(std::size_t from, std::size_t to, std::string_view what,
                        std::string_view hint) const {
    const auto column = [&](std::size_t offset) {
        std::size_t count = 1;
        for (std::size_t i = 0; i < std::min(offset, text.size()); ++i)
            if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) ++count;
        return count;
    };
    const auto source = std::make_shared<const sim::Source>(sim::Source{name, text, {}});
    throw sim::InputError{sim::complaint(
        {source, 1, column(from), 1, std::max(column(to), column(from) + 1)}, "", what, hint)};
}

}  // namespace moesim::analysis
