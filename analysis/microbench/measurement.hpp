#pragma once

#include <string>
#include <vector>

#include "analysis/microbench/case.hpp"

namespace moesim::microbench {

/// Where something was measured.
struct Machine {
    std::string device;        // cudaDeviceProp::name
    std::string driver, cuda;  // "13.0": what the driver can, what this was built with
    bool operator==(const Machine&) const = default;
};

/// Median and tenth and ninetieth percentile of `repeats` samples, in seconds per execution.
struct Spread {
    int repeats = 0;
    double median = 0, p10 = 0, p90 = 0;
    bool operator==(const Spread&) const = default;
};

/// Of samples in any order; percentiles by linear interpolation between neighbours. No samples:
/// zeros.
Spread spread(std::vector<double> samples);

/// One row of the trace.
struct Measurement {
    Machine machine;
    std::string library;  // "cublasLt 13.1.0", "own"
    Case what;
    Spread time;
    double clock_mhz = 0;       // 0: unknown
    double rel_error = -1;      // against a reference of higher precision; negative: not checked
    std::string status = "ok";  // ok, wrong, unsupported, failed
    std::string note;
    bool operator==(const Measurement&) const = default;
};

}  // namespace moesim::microbench
