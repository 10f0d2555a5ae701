#pragma once

#include "sim/registry.hpp"
#include "topologies/cluster_builder.hpp"

namespace moesim::topologies {

/// A way to wire GPUs: the `kind` of a cluster file.
///
///     const sim::Register<Fabric, Node, sim::Table&> entry{"node", "one sentence"};
///
/// The constructor reads every key of the kind and refuses, at the key to change, what cannot be
/// built; build() then only adds vertices and links. It adds the GPUs node by node and may be
/// called for one builder only once.
class Fabric {
public:
    virtual ~Fabric() = default;
    virtual void build(Cluster::Builder& cluster) const = 0;
};

}  // namespace moesim::topologies
