#pragma once

#include <string_view>
#include <vector>

#include "sim/input.hpp"
#include "topologies/cluster_builder.hpp"

namespace moesim::topologies {

inline constexpr int kMostGpus = 1 << 20;
inline constexpr int kMostPorts = 4096;  // of one switch

/// A count within [least, most]; located error otherwise.
int read_count(sim::Table& in, std::string_view key, int least, int most);
int read_count(sim::Table& in, std::string_view key, int least, int most, int fallback);

/// The GPUs of a host (each on a rail of its own where there are rails): a divisor of the GPUs of a
/// node, which is the default.
int read_rails(sim::Table& in, int gpus_per_node, std::string_view key = "rails");

/// A cable from its rate (more than zero) and its latency (not negative).
Cable read_cable(sim::Table& in, std::string_view rate_key, std::string_view hop_key);

/// GPUs around one non-blocking NVSwitch stage.
///   gpu-0 ==nvlink== [nvswitch-0] ==nvlink== gpu-1
/// Returns their vertices.
std::vector<Vertex> add_node(Cluster::Builder& cluster, int node, int gpus, const Cable& nvlink);

}  // namespace moesim::topologies
