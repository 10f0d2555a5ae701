#include "analysis/microbench/expert_rows.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace moesim::microbench {
namespace {

/// First share times groups when share i is proportional to ratio^i.
double skew_of(double ratio, int groups) {
    double sum = 0, power = 1;
    for (int i = 0; i < groups; ++i, power *= ratio) sum += power;
    return groups / sum;
}

}  // namespace

std::vector<std::int64_t> expert_rows(std::int64_t mean, int groups, double skew) {
    if (mean < 1 || groups < 1 || !(skew >= 1) || skew > groups)
        throw std::invalid_argument("expert_rows: mean and groups from 1, skew from 1 to groups");
    double low = 0, high = 1;  // of the ratio; skew_of falls from `groups` to 1
    for (int i = 0; i < 100; ++i) {
        const double middle = (low + high) / 2;
        (skew_of(middle, groups) > skew ? low : high) = middle;
    }
    const auto total = static_cast<double>(mean) * groups;
    std::vector<std::int64_t> rows(static_cast<std::size_t>(groups));
    double power = 1, before = 0;  // rounded cumulatively, so that the sum is exact
    std::int64_t given = 0;
    for (auto& one : rows) {
        before += power * skew * static_cast<double>(mean);
        power *= high;
        const auto upto = static_cast<std::int64_t>(std::llround(std::min(before, total)));
        one = upto - given;
        given = upto;
    }
    rows.back() += mean * groups - given;
    return rows;
}

}  // namespace moesim::microbench
