#pragma once

#include <string>
#include <vector>

#include "analysis/result.hpp"

namespace moesim::analysis {

/// Step time at one batch size of a ramp.
struct BatchTime {
    long global = 0;  // sequences
    double step_s = 0;
    std::string ground;  // simulated | interpolated | extrapolated
};

/// Optimizer steps of a training run whose batch may grow.
struct StepPlan {
    double steps = 0, seconds = 0;
    std::vector<BatchTime> simulated;  // ascending; the last is the full batch
    double extrapolated_steps = 0;     // at batches too small for the schedule
    double interpolated_steps = 0;     // between simulated batches
    double middle_rel_error = 0;       // of interpolation, at the middle one simulated
};

/// Steps and seconds for all tokens. A batch is kept until its tokens are behind; the last step may
/// go beyond them. Without a ramp: ceil(tokens / tokens per step) equal steps.
///
/// With one, the least batch that the schedule can run, the middle and the full one are simulated;
/// between them the step time is interpolated, below the least it is extrapolated, linearly in the
/// batch: micro-batches follow each other at a constant pace, and what fills and drains the
/// pipeline, the optimizer and the reductions do not depend on their number.
StepPlan plan_steps(const Simulated& full, const RunOptions& options);

}  // namespace moesim::analysis
