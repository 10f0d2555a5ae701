#include <optional>

#include "analysis/microbench/sampling.hpp"
#include "analysis/microbench/timing.cuh"

namespace moesim::microbench {
namespace {

__device__ std::uint64_t nanoseconds() {
    std::uint64_t now;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(now));
    return now;
}

__global__ void spin(std::uint64_t* out) {
    const std::uint64_t begin = nanoseconds();
    const long long first = clock64();
    std::uint64_t now = begin;
    while (now - begin < 50000) now = nanoseconds();
    out[0] = static_cast<std::uint64_t>(clock64() - first);
    out[1] = now - begin;
}

/// A graph of `inner` executions, or none where the library does not let itself be captured.
class Graph {
public:
    Graph(cudaStream_t stream, const std::function<void(cudaStream_t, int)>& launch, int sets,
          int inner) {
        check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "capture");
        cudaGraph_t graph = nullptr;
        bool captured = true;
        try {
            for (int i = 0; i < inner; ++i) launch(stream, i % sets);
        } catch (const std::exception&) {
            captured = false;  // the capture has to be ended all the same
        }
        captured =
            cudaStreamEndCapture(stream, &graph) == cudaSuccess && captured && graph != nullptr;
        if (captured && cudaGraphInstantiate(&ready_, graph, 0) != cudaSuccess) ready_ = nullptr;
        if (graph != nullptr) cudaGraphDestroy(graph);
        cudaGetLastError();  // what went wrong so far is known
    }
    ~Graph() {
        if (ready_ != nullptr) cudaGraphExecDestroy(ready_);
    }
    Graph(const Graph&) = delete;
    Graph& operator=(const Graph&) = delete;

    [[nodiscard]] bool ready() const { return ready_ != nullptr; }
    void launch(cudaStream_t stream) const { check(cudaGraphLaunch(ready_, stream), "graph"); }

private:
    cudaGraphExec_t ready_ = nullptr;
};

}  // namespace

Stopwatch::Stopwatch() {
    check(cudaEventCreate(&begin_), "an event");
    check(cudaEventCreate(&end_), "an event");
}
Stopwatch::~Stopwatch() {
    cudaEventDestroy(begin_);
    cudaEventDestroy(end_);
}
void Stopwatch::begin(cudaStream_t stream) { check(cudaEventRecord(begin_, stream), "an event"); }
void Stopwatch::end(cudaStream_t stream) { check(cudaEventRecord(end_, stream), "an event"); }
double Stopwatch::seconds() {
    check(cudaEventSynchronize(end_), "waiting");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin_, end_), "an event");
    return milliseconds * 1e-3;
}

Spread time_on_device(Context& on, const std::function<void(cudaStream_t, int set)>& launch,
                      int sets, bool one_by_one) {
    Stopwatch watch;
    const auto round = [&] {
        watch.begin(on.stream);
        for (int set = 0; set < sets; ++set) launch(on.stream, set);
        watch.end(on.stream);
        return watch.seconds() / sets;
    };
    round();
    const Sampling plan = sampling(round(), sets);
    std::optional<Graph> graph;
    if (!one_by_one) graph.emplace(on.stream, launch, sets, plan.inner);
    std::vector<double> samples;
    for (int i = -1; i < plan.samples; ++i) {  // the first is not counted
        watch.begin(on.stream);
        if (graph && graph->ready())
            graph->launch(on.stream);
        else
            for (int j = 0; j < plan.inner; ++j) launch(on.stream, j % sets);
        watch.end(on.stream);
        const double seconds = watch.seconds() / plan.inner;
        if (i >= 0) samples.push_back(seconds);
    }
    check(cudaGetLastError(), "measuring");
    return spread(std::move(samples));
}

double clock_mhz(Context& on) {
    on.release_all();
    auto* out = on.take<std::uint64_t>(2);
    spin<<<1, 1, 0, on.stream>>>(out);
    check(cudaStreamSynchronize(on.stream), "reading the clock");
    const std::vector<std::uint64_t> got = fetch(out, 2);
    return got[1] == 0 ? 0.0 : static_cast<double>(got[0]) / static_cast<double>(got[1]) * 1e3;
}

}  // namespace moesim::microbench
