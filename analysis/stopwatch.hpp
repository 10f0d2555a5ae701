#pragma once

#include <chrono>

namespace moesim::analysis {

/// Wall seconds since it was made or last asked.
class Stopwatch {
public:
    double lap() {
        const Clock::time_point now = Clock::now();
        const std::chrono::duration<double> passed = now - last_;
        last_ = now;
        return passed.count();
    }

private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point last_ = Clock::now();
};

}  // namespace moesim::analysis
