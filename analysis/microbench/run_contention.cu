#include <chrono>
#include <cstring>
#include <thread>

#include "analysis/microbench/measure.cuh"
#include "analysis/microbench/timing.cuh"

namespace moesim::microbench {
namespace {

constexpr std::int64_t kPart = std::int64_t{1} << 16;  // vectors a block copies before it looks up
constexpr std::uint64_t kLongest = 4000000000ull;      // ns; then it ends by itself
constexpr std::int64_t kReported = std::int64_t{1} << 30;  // bytes that the copy's row is about

/// Seen by host and device: how many blocks run, whether to stop.
struct Signals {
    int running, stop;
};

__device__ std::uint64_t nanoseconds() {
    std::uint64_t now;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
    return now;
}

/// Copies in a circle until told to stop. A block takes a whole SM, as it asks for all its shared
/// memory: what a communication kernel with a fixed number of SMs does to its neighbours.
/// moved [blocks, 2]: vectors copied and nanoseconds.
__global__ void __launch_bounds__(1024) hold(const uint4* from, uint4* to, std::int64_t vectors,
                                             volatile Signals* signals, std::uint64_t* moved) {
    const std::uint64_t begin = nanoseconds();
    __shared__ int stop;
    if (threadIdx.x == 0) atomicAdd_system(const_cast<int*>(&signals->running), 1);
    const std::int64_t parts = vectors / kPart;
    std::uint64_t done = 0;
    for (std::int64_t part = blockIdx.x;; part += gridDim.x) {
        const std::int64_t at = part % parts * kPart;
        for (std::int64_t i = threadIdx.x; i < kPart; i += blockDim.x) to[at + i] = from[at + i];
        done += kPart;
        if (threadIdx.x == 0) stop = signals->stop != 0 || nanoseconds() - begin > kLongest;
        __syncthreads();
        if (stop != 0) break;
        __syncthreads();
    }
    if (threadIdx.x != 0) return;
    moved[2 * blockIdx.x] = done;
    moved[2 * blockIdx.x + 1] = nanoseconds() - begin;
}

/// The copy on a stream of its own, from construction until end().
class Holder {
public:
    Holder(int sms, Context& on) : sms_{sms}, stream_{on.side[0]} {
        check(cudaHostAlloc(&signals_, sizeof(Signals), cudaHostAllocMapped), "signals");
        *signals_ = {0, 0};
        Signals* seen = nullptr;
        check(cudaHostGetDevicePointer(&seen, signals_, 0), "signals");
        const std::int64_t vectors = std::int64_t{1} << 24;  // 256 MiB: more than any cache
        auto* from = on.take<uint4>(vectors);
        auto* to = on.take<uint4>(vectors);
        moved_ = on.take<std::uint64_t>(2 * sms);
        fill_bf16(reinterpret_cast<std::uint16_t*>(from), vectors * 8, 5, 1.0f, on.stream);
        check(cudaStreamSynchronize(on.stream), "filling");
        const int shared = static_cast<int>(on.properties.sharedMemPerBlockOptin) - 1024;
        check(cudaFuncSetAttribute(hold, cudaFuncAttributeMaxDynamicSharedMemorySize, shared),
              "hold");
        hold<<<sms, 1024, static_cast<std::size_t>(shared), stream_>>>(from, to, vectors, seen,
                                                                       moved_);
        check(cudaGetLastError(), "hold");
    }
    ~Holder() {
        signals_->stop = 1;
        cudaStreamSynchronize(stream_);
        cudaFreeHost(signals_);
    }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;

    /// True when all blocks run (soon after construction, on an idle device).
    [[nodiscard]] bool started() const {
        const auto* signals = static_cast<volatile Signals*>(signals_);
        for (int i = 0; i < 1000 && signals->running < sms_; ++i)
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        return signals->running >= sms_;
    }

    /// Bytes read and written in a second, until now; ends the copy. 0 when it had ended before.
    double end() {
        static_cast<volatile Signals*>(signals_)->stop = 1;
        check(cudaStreamSynchronize(stream_), "copy");
        double rate = 0;
        const std::vector<std::uint64_t> moved = fetch(moved_, 2 * sms_);
        for (std::size_t i = 0; i < moved.size(); i += 2) {
            if (moved[i + 1] > kLongest) return 0;
            rate += static_cast<double>(moved[i]) * 2 * sizeof(uint4) /
                    (static_cast<double>(moved[i + 1]) * 1e-9);
        }
        return rate;
    }

private:
    int sms_;
    cudaStream_t stream_;
    Signals* signals_ = nullptr;
    std::uint64_t* moved_ = nullptr;
};

}  // namespace

/// A GEMM planned for the SMs that a copy beside it leaves free, and the copy's own rate meanwhile.
std::vector<Measurement> measure_contention(const Case& what, Context& on) {
    Measurement gemm;
    gemm.machine = on.machine;
    gemm.what = what;
    Measurement copy = gemm;
    gemm.library = on.cublas;
    if (what.sms_held >= on.properties.multiProcessorCount)
        throw Unsupported("the device has no more SMs than the copy is to hold");
    const Prepared prepared = prepare_gemm(what, on);
    gemm.rel_error = first_run(prepared, on);
    if (!(gemm.rel_error <= prepared.tolerance)) {
        gemm.status = "wrong";
        if (!(gemm.rel_error >= 0)) gemm.rel_error = -1;
        return {gemm};
    }
    time_on_device(on, prepared.launch, prepared.sets);  // all code is loaded before SMs are held
    Holder holder(what.sms_held, on);
    if (!holder.started()) {
        gemm.status = "failed";
        gemm.note = "the copy did not get its SMs";
        return {gemm};
    }
    gemm.time = time_on_device(on, prepared.launch, prepared.sets, true);
    const double rate = holder.end();
    if (rate == 0) {
        gemm.time = {};
        gemm.status = "failed";
        gemm.note = "the copy ended before the measurement did";
        return {gemm};
    }
    gemm.clock_mhz = copy.clock_mhz = clock_mhz(on);
    copy.library = "own";
    copy.what.op = "memory";
    copy.what.kernel = "copy";
    copy.what.bytes = kReported;
    copy.what.launches = 1;
    const double seconds = static_cast<double>(kReported) / rate;
    copy.time = {1, seconds, seconds, seconds};
    copy.note = "rate of the copy beside the gemm whose shape stands here";
    return {gemm, copy};
}

}  // namespace moesim::microbench
