#pragma once

#include <cstdint>

#include "scenarios/training.hpp"

namespace moesim::analysis {

/// A job as its failures see it: what has to be done, and what interrupts it.
struct FailingJob {
    double work_s = 0;  // without any interruption
    double step_s = 0;  // checkpoints fall on the end of a step
    double gpus = 0, nodes = 0;
    scenarios::Checkpoint checkpoint;
    scenarios::Failures failures;

    /// Mean time between failures of the whole job, s. Failures of GPUs, nodes and the job itself
    /// are independent Poisson processes, so their rates add.
    [[nodiscard]] double mtbf_s() const;
};

/// Work between two checkpoints that loses least time, s; never less than one step.
/// Source: J. Daly, Future Generation Computer Systems 22 (2006), equation 37, whose first term is
/// that of J. Young, CACM 17 (1974). write_s: a checkpoint; mtbf_s: between failures.
double daly_interval(double write_s, double mtbf_s);
double young_interval(double write_s, double mtbf_s);

/// Expected share of the time that is work which is kept, where failures are exponential, strike
/// checkpoints and restarts too, and a node to replace the broken one is always at hand.
/// Source: Daly as above, equation 20: T = mtbf e^(restart / mtbf) (e^((every + write) / mtbf) - 1)
/// for each interval of work. 0 when it is too small for a double.
double expected_goodput(double every_s, double write_s, double restart_s, double mtbf_s);

/// What simulated runs of a job show. Goodput: work over time from the first step to the last.
struct FailureStudy {
    double every_s = 0;   // work between two checkpoints: whole steps
    double expected = 0;  // expected_goodput
    double mean = 0, low = 0, high = 0;
    double level = 0.9;        // share of the runs between low and high
    double interruptions = 0;  // mean of the runs
    double waiting = 0;        // share of the time without a node to go on with
    int replicas = 0;          // 0: not simulated, since it never comes to an end
    double simulated = 1;      // share of the work that was simulated, less in very long runs
};

/// Seeded discrete-event runs of the job: work, checkpoints, failures at exponential times, loss of
/// the work since the last checkpoint, restarts that may fail again, spare nodes and repairs.
FailureStudy study_failures(const FailingJob& job, std::uint64_t seed);

}  // namespace moesim::analysis
