#pragma once

#include <functional>

#include "analysis/microbench/context.cuh"
#include "analysis/microbench/measurement.hpp"

namespace moesim::microbench {

/// Times of one execution by events on the device. The executions between two events are one CUDA
/// graph, so that the host does not hold short kernels up; where they cannot be captured they are
/// issued one by one, as they are when `one_by_one`: a kernel that must not be waited for runs
/// beside them, and making a graph might wait. Data sets take turns.
Spread time_on_device(Context& on, const std::function<void(cudaStream_t, int set)>& launch,
                      int sets, bool one_by_one = false);

/// Clock of the SMs in MHz: cycles over time of a kernel that spins for 50 us.
double clock_mhz(Context& on);

/// An event pair: seconds between two places of a stream.
class Stopwatch {
public:
    Stopwatch();
    ~Stopwatch();
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;
    void begin(cudaStream_t stream);
    void end(cudaStream_t stream);
    /// Waits for the second event.
    double seconds();

private:
    cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

}  // namespace moesim::microbench
