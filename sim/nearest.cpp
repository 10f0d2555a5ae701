#include <algorithm>
#include <cctype>
#include <numeric>

#include "sim/input.hpp"

namespace moesim::sim {
namespace {

std::string lower(std::string_view text) {
    std::string out{text};
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return out;
}

/// Insertions, deletions, substitutions and swaps of neighbours that turn a into b (optimal string
/// alignment). Three rows of the table are kept.
std::size_t edit_distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
    std::iota(above.begin(), above.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t other = a[i - 1] == b[j - 1] ? 0 : 1;
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + other});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        std::swap(before, above);
        std::swap(above, row);
    }
    return above[b.size()];
}

}  // namespace

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
    constexpr std::size_t longest = 200;  // nobody mistypes more; keeps the table small
    if (word.empty() || word.size() > longest) return {};
    const std::string wanted = lower(word);
    std::string best;
    std::size_t best_distance = longest;
    for (const std::string& name : known) {
        if (name.empty() || name.size() > longest) continue;
        const std::string candidate = lower(name);
        // A third of the longer word may differ; a word of three letters or more may be cut short.
        const std::size_t allowed = (std::max(word.size(), name.size()) + 2) / 3;
        std::size_t distance = edit_distance(wanted, candidate);
        if (word.size() >= 3 && candidate.starts_with(wanted))
            distance = std::min(distance, allowed);
        if (distance <= allowed && distance < std::min(word.size(), best_distance)) {
            best = name;
            best_distance = distance;
        }
    }
    return best;
}

}  // namespace moesim::sim
