#pragma once

#include <cstdint>
#include <vector>

namespace moesim::microbench {

/// Rows of each group, [groups], fullest first: their sum is groups x mean, the first has
/// skew x mean (rounded), and the rest fall off geometrically, as loads of experts do.
/// skew is at least 1 and at most groups; 1 gives equal groups.
/// Throws std::invalid_argument for a skew that no rows can have, or no groups or rows.
std::vector<std::int64_t> expert_rows(std::int64_t mean, int groups, double skew);

}  // namespace moesim::microbench
