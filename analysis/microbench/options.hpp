#pragma once

#include <string>
#include <vector>

#include "analysis/microbench/case.hpp"

namespace moesim::microbench {

/// What the benchmark is asked to do.
struct Options {
    bool help = false, dry_run = false;
    std::vector<std::string> ops;  // none: all
    int device = 0;
    std::string out;        // empty: traces/<device>.csv beside the sources
    double budget_s = 440;  // no case is begun after this
    int capability = 0;     // dry run: of the device to plan for; 0: the one at hand, else 90
};

extern const char* const kUsage;

/// Throws std::runtime_error with a sentence and a hint for anything it does not know.
Options parse_options(const std::vector<std::string>& arguments);

/// --dry-run: a line per kind of case (or, with `each`, per case), cases, and estimated seconds.
/// `done`: how many of `cases` the trace holds already.
std::string plan_text(const std::vector<Case>& cases, std::size_t done, bool each);

}  // namespace moesim::microbench
