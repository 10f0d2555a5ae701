// moesim-microbench: measures the kernels that a training step is made of and writes their trace.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>

#include "analysis/microbench/measure.cuh"
#include "analysis/microbench/options.hpp"
#include "analysis/microbench/plan.hpp"
#include "analysis/microbench/trace_file.hpp"

using namespace moesim::microbench;

namespace {

volatile std::sig_atomic_t interrupted = 0;

int capability(int device) {
    cudaDeviceProp properties{};
    check(cudaGetDeviceProperties(&properties, device), "asking the device");
    return properties.major * 10 + properties.minor;
}

int devices() {
    int count = 0;
    return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

/// One line that is written over on a terminal, and only at tenths elsewhere.
void progress(std::size_t done, std::size_t all, const Measurement& row) {
    const bool terminal = ::isatty(STDERR_FILENO) != 0;
    if (!terminal && done != all && row.status == "ok" && done % (all / 20 + 1) != 0) return;
    std::fprintf(stderr, "%s%5zu of %zu  %s  %.4g us%s%s%s", terminal ? "\r\033[K" : "", done, all,
                 describe(row.what).c_str(), row.time.median * 1e6, row.status == "ok" ? "" : "  ",
                 row.status == "ok" ? "" : row.status.c_str(),
                 terminal && row.status == "ok" ? "" : "\n");
    std::fflush(stderr);
}

/// measure(), or the row of a failure when the device survives it; otherwise what is thrown.
std::vector<Measurement> attempt(const Case& what, Context& on, TraceFile& trace) {
    try {
        return measure(what, on);
    } catch (const std::exception& e) {
        Measurement row;
        row.machine = on.machine;
        row.what = what;
        row.status = "failed";
        row.note = e.what();
        cudaGetLastError();
        if (cudaDeviceSynchronize() == cudaSuccess) return {row};
        trace.append(row);
        throw std::runtime_error(describe(what) + ": " + e.what() +
                                 "; run again to go on with the other measurements");
    }
}

int measure_all(const Options& options, const std::vector<Case>& cases) {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    Context on(options.device);
    const std::string path =
        options.out.empty() ? MOESIM_TRACES "/" + file_name(on.machine.device) : options.out;
    TraceFile trace(path);
    std::vector<Case> missing;
    for (const Case& one : cases)
        if (!trace.has(on.machine.device, one)) missing.push_back(one);
    std::stable_partition(missing.begin(), missing.end(),
                          [&](const Case& one) { return !trace.failed(on.machine.device, one); });
    std::fprintf(stderr, "%s: %zu measurements, %zu are in %s already\n", on.machine.device.c_str(),
                 cases.size(), cases.size() - missing.size(), path.c_str());
    std::size_t done = 0, wrong = 0;
    for (const Case& one : missing) {
        const std::chrono::duration<double> so_far = Clock::now() - begin;
        if (interrupted != 0 || so_far.count() > options.budget_s) break;
        for (const Measurement& row : attempt(one, on, trace)) {
            trace.append(row);
            if (row.status == "wrong" || row.status == "failed") ++wrong;
            if (row.what == one) progress(++done, missing.size(), row);
        }
    }
    const std::chrono::duration<double> took = Clock::now() - begin;
    std::fprintf(stderr, "\n%zu measured in %.0f s, %zu rejected, %zu left%s\n%s\n", done,
                 took.count(), wrong, missing.size() - done,
                 done < missing.size() ? ": run again to go on" : "", path.c_str());
    return wrong > 0 ? 1 : 0;
}

int run(const Options& options) {
    if (options.help) {
        std::fputs(kUsage, stdout);
        return 0;
    }
    const bool present = options.device < devices();
    if (!present && !options.dry_run)
        throw std::runtime_error("--device: there is no CUDA device " +
                                 std::to_string(options.device) + "; --dry-run needs none");
    int asked = options.capability;
    if (asked == 0) asked = present ? capability(options.device) : 90;
    const std::vector<Case> cases = chosen(plan(asked), options.ops);
    if (!options.dry_run) return measure_all(options, cases);
    const std::vector<Case> left = left_of(cases, options.out);
    std::fputs(plan_text(left, cases.size() - left.size(), true).c_str(), stdout);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGINT, [](int) { interrupted = 1; });
    std::signal(SIGTERM, [](int) { interrupted = 1; });
    std::optional<Options> options;
    try {
        options = parse_options({argv + 1, argv + argc});
        return run(*options);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "moesim-microbench: error: %s\n", e.what());
        return options ? 3 : 2;
    }
}
