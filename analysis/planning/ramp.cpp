#include "analysis/planning/ramp.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::analysis {

using scenarios::Scenario;

namespace {

bool runs(const Scenario& full, long batch) {
    Scenario s = full;
    s.global_batch = batch;
    if (s.flush > 0 && s.micro_batches() % s.flush != 0) return false;
    scenarios::PipelineShape shape = s.shape();
    if (s.flush > 0) shape.micro_batches = s.flush;
    return s.schedule->refuse(shape).empty();
}

double simulated_step(const Scenario& full, long batch, const RunOptions& options) {
    Scenario s = full;
    s.global_batch = batch;
    return simulate(std::move(s), options).line.makespan;
}

/// The straight line through the two known batches next to `batch`.
double line(const std::vector<BatchTime>& known, long batch) {
    std::size_t above = 1;
    while (above + 1 < known.size() && known[above].global < batch) ++above;
    const BatchTime &a = known[above - 1], &b = known[above];
    return std::lerp(
        a.step_s, b.step_s,
        static_cast<double>(batch - a.global) / static_cast<double>(b.global - a.global));
}

}  // namespace

StepPlan plan_steps(const Simulated& full, const RunOptions& options) {
    const Scenario& s = full.scenario;
    const scenarios::Training& training = *s.training;
    const double step = full.line.makespan, sequence = static_cast<double>(s.sequence);
    StepPlan out;
    if (!training.ramp) {
        out.steps = std::ceil(training.tokens / s.tokens_per_step());
        out.seconds = out.steps * step;
        return out;
    }
    const scenarios::BatchRamp& ramp = *training.ramp;
    std::vector<long> runnable;
    for (long batch = ramp.from; batch < s.global_batch; batch += ramp.increment)
        if (runs(s, batch)) runnable.push_back(batch);
    if (!runnable.empty()) {
        const long least = runnable.front(), middle = runnable[runnable.size() / 2];
        out.simulated.push_back({least, simulated_step(s, least, options), "simulated"});
        if (middle != least)
            out.simulated.push_back({middle, simulated_step(s, middle, options), "simulated"});
    }
    out.simulated.push_back({s.global_batch, step, "simulated"});
    if (out.simulated.size() == 3) {
        const std::vector<BatchTime> ends{out.simulated.front(), out.simulated.back()};
        out.middle_rel_error = line(ends, out.simulated[1].global) / out.simulated[1].step_s - 1;
    }
    const auto at = [&](long batch) {
        // With one batch known, time per sequence is all there is to go by.
        if (out.simulated.size() == 1)
            return step * static_cast<double>(batch) / static_cast<double>(s.global_batch);
        return std::max(line(out.simulated, batch), 0.0);
    };
    const double rungs = static_cast<double>((s.global_batch - ramp.from) / ramp.increment);
    double behind = 0;
    for (double rung = 0; rung < rungs; ++rung) {
        const long batch = ramp.from + static_cast<long>(rung) * ramp.increment;
        const double until = std::min(ramp.tokens * (rung + 1) / rungs, training.tokens);
        const double per_step = static_cast<double>(batch) * sequence;
        const double steps = std::max(0.0, std::ceil((until - behind) / per_step));
        behind += steps * per_step;
        out.steps += steps;
        out.seconds += steps * at(batch);
        const bool known = std::any_of(out.simulated.begin(), out.simulated.end(),
                                       [&](const BatchTime& t) { return t.global == batch; });
        if (batch < out.simulated.front().global)
            out.extrapolated_steps += steps;
        else if (!known)
            out.interpolated_steps += steps;
    }
    const double rest = std::max(0.0, std::ceil((training.tokens - behind) / s.tokens_per_step()));
    out.steps += rest;
    out.seconds += rest * step;
    return out;
}

}  // namespace moesim::analysis
