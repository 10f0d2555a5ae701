#pragma once

#include <optional>

#include "analysis/result.hpp"

namespace moesim::analysis {

/// The simulated link out of the NIC of the GPU that stands for a rank class; none when nothing
/// crosses it.
std::optional<sim::LinkId> nic_out(const Simulated& run, std::uint32_t rank_class);
/// The same for its port into the NVLink domain.
std::optional<sim::LinkId> nvlink_out(const Simulated& run, std::uint32_t rank_class);

/// The member of a rank class that computes longest.
std::uint32_t slowest_member(const Simulated& run, std::uint32_t rank_class);

/// Peak bytes of every rank class, and what they are made of at that moment.
std::vector<MemoryPeak> memory_peaks(const Simulated& run);

}  // namespace moesim::analysis
