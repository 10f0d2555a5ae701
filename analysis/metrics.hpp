#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "analysis/breakdown.hpp"
#include "scenarios/lowering.hpp"

namespace moesim::analysis {

/// Peak bytes of the hottest rank and what they are made of at that moment.
struct MemoryPeak {
    double bytes = 0;
    std::uint32_t rank_class = 0;
    std::array<double, scenarios::kMemoryClasses> by_class{};
};
MemoryPeak memory_peak(const scenarios::Lowered& lowered, const sim::Timeline& line);

/// Links of one class over the step.
struct LinkUse {
    double capacity_bytes_per_s = 0;
    double utilisation_mean = 0, utilisation_max = 0;  // of the simulated links
};
std::map<std::string, LinkUse> link_use(const scenarios::Lowered& lowered,
                                        const sim::Timeline& line);

/// Bytes sent over all ranks, by kind (each byte once per port class it leaves through).
std::array<double, sim::kKinds> bytes_by_kind(const scenarios::Lowered& lowered);

/// Means over all ranks (members weighted by what they stand for).
struct Means {
    std::array<double, kParts> parts{};
    std::array<double, kPhases> phases{};
    std::array<double, sim::kKinds> busy{};
    double in_flight = 0;
};
Means means(const scenarios::Lowered& lowered, const std::vector<std::vector<MemberTimes>>& booked);

}  // namespace moesim::analysis
