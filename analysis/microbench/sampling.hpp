#pragma once

#include <cstdint>

namespace moesim::microbench {

/// How often something is executed: `samples` times, `inner` executions between two clock readings.
struct Sampling {
    int samples = 0, inner = 0;
    bool operator==(const Sampling&) const = default;
};

/// For one execution of `once` seconds. A sample lasts at least 1 ms (events tick in half
/// microseconds) and touches each of `sets` copies of the data equally often; all samples together
/// stay near 150 ms, but there are at least 7 and at most 25.
Sampling sampling(double once, int sets);

/// Copies of the data that the executions take in turn, so that what one leaves in the L2 cache is
/// gone when its turn comes again: enough for three times the cache, at most 16, and as many as
/// fit.
int data_sets(double bytes, double l2_bytes, double free_bytes);

}  // namespace moesim::microbench
