#pragma once

#include <array>
#include <vector>

#include "sim/task_graph.hpp"

namespace moesim::analysis {

/// Where a rank's step time goes; the parts sum to the step time.
enum class Part : std::uint8_t {
    compute,
    exposed_ep,
    exposed_tp,
    exposed_cp,
    exposed_pp,
    exposed_dp,
    imbalance,
    host,
    bubble,
    optimizer
};
inline constexpr int kParts = 10;
std::string_view name(Part part);

/// Seconds in units of each kind; bubble is what no unit covers.
enum class Phase : std::uint8_t {
    forward,
    input_gradient,
    weight_gradient,
    backward,
    pair,
    bubble,
    optimizer
};
inline constexpr int kPhases = 7;
std::string_view name(Phase phase);

/// One member of a rank class.
struct MemberTimes {
    std::array<double, kParts> parts{};
    std::array<double, kPhases> phases{};
    std::array<double, sim::kKinds> busy{};  // seconds with a transfer of the kind in flight
    double in_flight = 0;                    // seconds with any transfer in flight
};

/// Books every second of every member.
///
/// Between two tasks of the compute stream, idle time is followed back from the next task to what
/// it waited for last: a transfer in flight is exposed time of its kind; the time before, while
/// this rank stood ready and others did not, is imbalance (bubble for a stage-to-stage transfer:
/// the other stage has not computed yet); and so on back until the idle time is explained. Launch
/// gaps inside a task are host time. What remains is bubble. returns [rank classes][members]
std::vector<std::vector<MemberTimes>> book(const sim::TaskGraph& graph, const sim::Timeline& line);

}  // namespace moesim::analysis
