#include "analysis/planning/training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/planning/failures.hpp"
#include "analysis/planning/ramp.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;
using scenarios::Training;

namespace {

constexpr double kHour = 3600, kDay = 86400;

/// Mean power per GPU. A device that waits (for a transfer, other ranks, the host, its turn) is
/// taken to rest, which is low: those that transfer draw more.
ordered_json power_json(const scenarios::Power& p, double busy, double gpus) {
    const double device = p.device_idle_w + (p.device_w - p.device_idle_w) * busy;
    const double computers = device + p.host_w + p.nic_w + p.network_w;
    return {{"device_w", device},
            {"device_busy_share", busy},
            {"host_w", p.host_w},
            {"nic_w", p.nic_w},
            {"network_w", p.network_w},
            {"pue", p.pue},
            {"per_gpu_w", computers * p.pue},
            {"total_w", computers * p.pue * gpus}};
}

ordered_json ramp_json(const StepPlan& plan, const scenarios::BatchRamp& ramp) {
    ordered_json out{{"from", ramp.from},
                     {"increment", ramp.increment},
                     {"tokens", ramp.tokens},
                     {"simulated", ordered_json::array()},
                     {"interpolated_steps", plan.interpolated_steps},
                     {"extrapolated_steps", plan.extrapolated_steps},
                     {"interpolation_rel_error", plan.middle_rel_error}};
    for (const BatchTime& t : plan.simulated)
        out["simulated"].push_back({{"global", t.global}, {"step_time_s", t.step_s}});
    return out;
}

ordered_json failures_json(const FailingJob& job, const FailureStudy& study) {
    const double mtbf = job.mtbf_s(), write = job.checkpoint.write_s;
    return {{"job_mtbf_s", mtbf},
            {"interruptions",
             study.replicas > 0 ? ordered_json(study.interruptions) : ordered_json(nullptr)},
            {"checkpoint_every_s", study.every_s},
            {"checkpoint_every_steps", std::round(study.every_s / job.step_s)},
            {"young_every_s", young_interval(write, mtbf)},
            {"daly_every_s", daly_interval(write, mtbf)},
            {"checkpoint_write_s", write},
            {"restart_s", job.failures.restart_s},
            {"spares",
             job.failures.spares < 0 ? ordered_json("always") : ordered_json(job.failures.spares)},
            {"goodput_expected", study.expected},
            {"goodput_low", study.low},
            {"goodput_high", study.high},
            {"level", study.level},
            {"replicas", study.replicas},
            {"simulated_share", study.simulated},
            {"waiting_share", study.waiting}};
}

}  // namespace

ordered_json training_json(const Simulated& run, double busy, const RunOptions& options) {
    const scenarios::Scenario& s = run.scenario;
    const Training& t = *s.training;
    const StepPlan plan = plan_steps(run, options);
    const double hours = plan.seconds / kHour, gpus = s.gpus;
    const ordered_json power = power_json(t.power, busy, gpus);
    const double kilowatts = power["total_w"].get<double>() / 1000;
    ordered_json out{{"steps", plan.steps},
                     {"days", hours / 24},
                     {"gpu_hours", hours * gpus},
                     {"cost_usd", hours * gpus * t.price_per_gpu_hour},
                     {"energy_kwh", hours * kilowatts},
                     {"goodput", nullptr},
                     {"tokens", t.tokens},
                     {"price_per_gpu_hour", t.price_per_gpu_hour},
                     {"power", power}};
    if (t.ramp) out["ramp"] = ramp_json(plan, *t.ramp);
    if (!t.failures.any()) return out;

    const double nodes = std::ceil(gpus / s.cluster.gpus_per_node());
    const FailingJob job{plan.seconds, plan.seconds / plan.steps, gpus, nodes, t.checkpoint,
                         t.failures};
    const FailureStudy study = study_failures(job, s.seed);
    out["goodput"] = study.mean;
    ordered_json failures = failures_json(job, study);
    // A job that loses nearly all its work to failures comes to no end that a plan could name.
    if (study.replicas > 0) {
        const double longer = hours / study.mean;
        const double paid = gpus + std::max(0, t.failures.spares) * s.cluster.gpus_per_node();
        failures["elapsed_days"] = longer / 24;
        failures["elapsed_days_low"] = hours / study.high / 24;
        failures["elapsed_days_high"] = hours / study.low / 24;
        failures["elapsed_gpu_hours"] = longer * paid;
        failures["elapsed_cost_usd"] = longer * paid * t.price_per_gpu_hour;
        // Who waits or restarts is counted as if it computed: an upper bound.
        failures["elapsed_energy_kwh"] = longer * kilowatts * paid / gpus;
    }
    out["failures"] = std::move(failures);
    return out;
}

std::string failure_words(const ordered_json& t) {
    if (!t.contains("failures")) return "";
    const ordered_json& f = t["failures"];
    if (!f.contains("elapsed_days"))
        return fmt::format("one each {:.0f} s: no work is kept", f["job_mtbf_s"].get<double>());
    return fmt::format("{:.0f}, goodput {:.1f} % ({:.1f} to {:.1f}), {:.1f} days",
                       f["interruptions"].get<double>(), 100 * t["goodput"].get<double>(),
                       100 * f["goodput_low"].get<double>(), 100 * f["goodput_high"].get<double>(),
                       f["elapsed_days"].get<double>());
}

}  // namespace moesim::analysis
