#pragma once

#include <fmt/format.h>

#include <string>

#include "sim/input.hpp"
#include "topologies/cluster.hpp"

namespace moesim::topologies {

/// The text of a small fat tree with round numbers; `more` is appended.
inline std::string tree_text(const std::string& kind, int nodes, int gpus_per_node, int radix,
                             const std::string& more = "") {
    return fmt::format(R"(kind = "{}"
device = "h800-sxm"
nodes = {}
gpus_per_node = {}
nvlink = "100 GB/s"
nvlink_hop = "1 us"
nic = "10 GB/s"
nic_hop = "3 us"
hop = "5 us"
radix = {}
{})",
                       kind, nodes, gpus_per_node, radix, more);
}

inline Cluster cluster_from(const std::string& text) {
    auto in = sim::Table::from_text(text, "cluster.toml");
    return build_cluster(in, "cluster");
}

/// The message with which `text` is refused, "" when it is not.
inline std::string complaint(const std::string& text) {
    try {
        cluster_from(text);
    } catch (const sim::InputError& e) {
        return e.what();
    }
    return "";
}

}  // namespace moesim::topologies
