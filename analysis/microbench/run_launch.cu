#include <chrono>

#include "analysis/microbench/measure.cuh"
#include "analysis/microbench/timing.cuh"

namespace moesim::microbench {
namespace {

constexpr int kSamples = 15;

/// Arguments as many as a real kernel has; work for `cycles`, and when it was done in nanoseconds.
struct Arguments {
    void* pointers[8];
    std::uint64_t* times;  // [kernels, 2]
    int index;
    long long cycles;
};

__device__ std::uint64_t nanoseconds() {
    std::uint64_t now;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
    return now;
}

__global__ void little(Arguments with) {
    if (with.times == nullptr) return;
    const std::uint64_t begin = nanoseconds();
    const long long first = clock64();
    while (clock64() - first < with.cycles) {
    }
    with.times[2 * with.index] = begin;
    with.times[2 * with.index + 1] = nanoseconds();
}

void issue(int kernels, Arguments with, cudaStream_t stream) {
    for (int i = 0; i < kernels; ++i) {
        with.index = i;
        little<<<1, 32, 0, stream>>>(with);
    }
}

/// Host seconds to issue one kernel, nothing waiting before it.
double host_issue(int kernels, cudaStream_t stream) {
    check(cudaStreamSynchronize(stream), "waiting");
    const auto begin = std::chrono::steady_clock::now();
    issue(kernels, {}, stream);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    check(cudaStreamSynchronize(stream), "waiting");
    return took.count() / kernels;
}

/// Mean time from the end of one kernel to the begin of the next. Each works for about 6 us, longer
/// than the host needs to issue one; the timer's coarse steps even out over the kernels.
double launch_gap(int kernels, Context& on) {
    on.release_all();
    auto* times = on.take<std::uint64_t>(2 * kernels);
    issue(kernels, {{}, times, 0, 10000}, on.stream);
    check(cudaStreamSynchronize(on.stream), "waiting");
    const std::vector<std::uint64_t> got = fetch(times, 2 * kernels);
    double idle = 0;
    for (std::size_t i = 2; i < got.size(); i += 2)
        idle += static_cast<double>(got[i]) - static_cast<double>(got[i - 1]);
    return std::max(0.0, idle / (kernels - 1) * 1e-9);
}

}  // namespace

/// launch_gap, host_issue, and graph_launch: device seconds per kernel of a graph of empty ones.
Measurement measure_launch(const Case& what, Context& on) {
    Measurement row;
    row.machine = on.machine;
    row.library = "own";
    row.what = what;
    if (what.kernel == "graph_launch") {
        const int kernels = what.launches;
        row.time = time_on_device(
            on, [](cudaStream_t stream, int) { issue(1, {}, stream); }, 1);
        row.note = "per kernel; " + std::to_string(kernels) + " at most in a graph";
        return row;
    }
    const bool host = what.kernel == "host_issue";
    std::vector<double> samples;
    for (int i = -1; i < kSamples; ++i) {
        // At most half of what the driver queues before it makes the host wait.
        const double one =
            host ? host_issue(what.launches / 2, on.stream) : launch_gap(what.launches, on);
        if (i >= 0) samples.push_back(one);
    }
    check(cudaGetLastError(), "launching");
    row.time = spread(std::move(samples));
    return row;
}

}  // namespace moesim::microbench
