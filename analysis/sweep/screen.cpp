#include "analysis/sweep/screen.hpp"

#include <algorithm>

#include "analysis/planning/training.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;
using scenarios::Scenario;

namespace {

const RunOptions kReplay{.engine = "replay", .fold = true};

ordered_json brief(Scenario s, int micro_batches) {
    s.global_batch = static_cast<long>(micro_batches) * s.micro_batch * s.parallel.data;
    s.training.reset();  // asked for once, with the time of all micro-batches
    return brief_json(simulate(std::move(s), kReplay), kReplay);
}

/// Whether a run of fewer micro-batches is a plan, too.
bool shorter_runs(const Scenario& s, int micro_batches) {
    scenarios::PipelineShape shape = s.shape();
    shape.micro_batches = micro_batches;
    return s.flush == 0 && s.schedule->refuse(shape).empty();
}

double busy_share(const ordered_json& step) {
    const ordered_json& parts = step["breakdown_s"];
    const double time = step["time_s"];
    return time > 0 ? (parts["compute"].get<double>() + parts["optimizer"].get<double>()) / time
                    : 1;
}

/// `b` moved along the line from `a` through it: `by` times their distance beyond b.
double beyond(const ordered_json& a, const ordered_json& b, double by) {
    const double from = a.get<double>(), to = b.get<double>();
    return std::max(0.0, to + (to - from) * by);
}

ordered_json step_beyond(const ordered_json& a, const ordered_json& b, double by, double tokens) {
    ordered_json out = b;
    out["time_s"] = beyond(a["time_s"], b["time_s"], by);
    for (const char* parts : {"phases_s", "phases_rank0_s", "breakdown_s"})
        for (const auto& [key, value] : b[parts].items())
            out[parts][key] = beyond(a[parts][key], value, by);
    const double more = tokens / b["tokens"].get<double>();
    const double faster = more * b["time_s"].get<double>() / out["time_s"].get<double>();
    out["tokens"] = tokens;
    out["model_flops"] = b["model_flops"].get<double>() * more;
    for (const char* rate : {"tokens_per_s", "tokens_per_s_per_gpu", "tflops_per_gpu", "mfu",
                             "mfu_noncausal", "mfu_precision_peak"})
        out[rate] = b[rate].get<double>() * faster;
    return out;
}

}  // namespace

ordered_json screen(const Scenario& s) {
    const int all = s.micro_batches(), ranks = s.parallel.pipeline;
    const int few = std::max(2, ranks), more = 2 * few;
    const bool whole = all <= 2 * more || !shorter_runs(s, few) || !shorter_runs(s, more);
    ordered_json out = brief(s, whole ? all : more);
    if (!whole) {
        const ordered_json a = brief(s, few), b = out;
        const double by = static_cast<double>(all - more) / (more - few);
        out["step"] = step_beyond(a["step"], b["step"], by, s.tokens_per_step());
        if (a["memory"]["peak_bytes"] > b["memory"]["peak_bytes"]) out["memory"] = a["memory"];
        for (const char* share : {"share", "exposed_share"}) {
            const auto seconds = [&](const ordered_json& of) {
                return ordered_json(of["communication"][share].get<double>() *
                                    of["step"]["time_s"].get<double>());
            };
            out["communication"][share] =
                beyond(seconds(a), seconds(b), by) / out["step"]["time_s"].get<double>();
        }
    }
    if (s.training) {
        Simulated full{s, {}, {}, {}, {}};
        full.line.makespan = out["step"]["time_s"];
        out["training"] = training_json(full, busy_share(out["step"]), kReplay);
        out["usd_per_s"] = s.gpus * s.training->price_per_gpu_hour / 3600;
    }
    out["micro_batches"] = {{"all", all},
                            {"simulated", whole ? ordered_json{all} : ordered_json{few, more}}};
    return out;
}

}  // namespace moesim::analysis
