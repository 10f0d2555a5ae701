#include "analysis/importers/lines.hpp"

#include <charconv>
#include <cmath>
#include <limits>

namespace moesim::analysis {

double positive_number(std::string_view word) {
    double value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    const bool good = error == std::errc{} && end == word.data() + word.size() &&
                      std::isfinite(value) && value > 0 && value < 1e18;
    return good ? value : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace moesim::analysis
