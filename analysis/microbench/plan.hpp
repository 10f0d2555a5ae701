#pragma once

#include <string>
#include <vector>

#include "analysis/microbench/case.hpp"

namespace moesim::microbench {

/// What is measured on a device of this compute capability (80, 90, 100), in this order: each op
/// alone, then beside a copy. FP8 needs 89, FP32 block scales are Hopper's (90), MX scales
/// Blackwell's (100 and later).
std::vector<Case> plan(int capability);

/// Words that --ops understands, sorted.
std::vector<std::string> known_ops();

/// The cases that one of `ops` names, all when there are none.
std::vector<Case> chosen(const std::vector<Case>& all, const std::vector<std::string>& ops);

/// Seconds that measuring a case takes, roughly: preparation, check, warm-up and samples, as if on
/// an H200 at half its nominal rates. For --dry-run only; nothing is derived from it.
double seconds_to_measure(const Case& what);

}  // namespace moesim::microbench
