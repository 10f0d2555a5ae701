#pragma once

#include <string>
#include <vector>

#include "scenarios/lowering.hpp"

namespace moesim::analysis {

/// Where the step time lies with probability `level`, as far as the costs' own errors say.
struct Interval {
    double low_s = 0, high_s = 0;
    double level = 0.9;
    int draws = 0;
};

/// Draws the costs within their errors and replays the graph each time.
///
/// Errors of kernels of one class (compute, optimizer, each kind of transfer) go the same way: half
/// of an op's variance is its class's, half its own. A further factor on everything that a device
/// computes stands for what no cost covers: clocks, jitter, kernels that nobody listed. Factors are
/// log-normal, draws come in pairs of opposite sign, seeds are fixed. The interval is the mean of
/// ln(step) with 1.645 standard deviations, put around the step time of the engine.
Interval step_time_interval(const scenarios::Lowered& lowered, double step_time_s);

/// Plain sentences about what a reader should not overlook; empty when there is nothing.
std::vector<std::string> warnings(const scenarios::Lowered& lowered);

}  // namespace moesim::analysis
