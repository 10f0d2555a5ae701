#pragma once

#include "topologies/cluster_builder.hpp"

namespace moesim::topologies {

/// Bytes per second that the first half of the GPUs can send to the second, all at once.
///
/// Halves are in numbering order, parted at a node boundary (the lower half is the smaller one
/// where nodes are odd in number), or inside the node where there is only one. The value is exact:
/// a maximum flow from the one half to the other, over whatever links, relays included.
BytesPerSecond bisection(const Cluster::Impl& cluster);

}  // namespace moesim::topologies
