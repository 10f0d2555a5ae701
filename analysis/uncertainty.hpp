#pragma once

#include <string>
#include <vector>

#include "scenarios/lowering.hpp"

namespace moesim::analysis {

/// Deviations of a normal distribution between which nine tenths of it lie.
inline constexpr double kDeviations = 1.645;

/// Standard deviation of ln(step) that the costs' errors leave unexplained: clocks, jitter, kernels
/// that nobody listed, what software does otherwise. Measured, not assumed: with it nine tenths of
/// 223 published steps of other people's clusters lie within their intervals, and of each source's
/// when it is taken from the other sources (`moesim validate --csv` prints both).
inline constexpr double kUnexplained = 0.16;

/// Where the step time lies with probability `level`.
struct Interval {
    double low_s = 0, high_s = 0;
    double of_costs = 0;  // standard deviation of ln(step) that the costs' own errors make
    double level = 0.9;
    int draws = 0;
};

/// Draws the costs within their errors and replays the graph each time.
///
/// Errors of kernels of one class (compute, optimizer, each kind of transfer) go the same way: half
/// of an op's variance is its class's, half its own. Factors are log-normal, draws come in pairs of
/// opposite sign, seeds are fixed. The interval is the mean of ln(step) with 1.645 standard
/// deviations, the draws' and kUnexplained together, put around the step time of the engine.
Interval step_time_interval(const scenarios::Lowered& lowered, double step_time_s);

/// Plain sentences about what a reader should not overlook; empty when there is nothing.
std::vector<std::string> warnings(const scenarios::Lowered& lowered);

}  // namespace moesim::analysis
