#include "topologies/fabric.hpp"
#include "topologies/fabrics/parts.hpp"

namespace moesim::topologies {
namespace {

/// One server: GPUs around one non-blocking NVSwitch stage, and nothing outside.
///
///   gpu-0    gpu-1  ...  gpu-7
///     \\       ||         //        nvlink, each direction
///      [     nvswitch-0     ]
///
/// gpu-0 -> gpu-7: nvlink up (gpu-0, nvswitch-0), nvlink down (nvswitch-0, gpu-7); 2 hops.
class Node final : public Fabric {
public:
    explicit Node(sim::Table& in)
        : gpus_{read_count(in, "gpus", 1, kMostPorts)}, nvlink_{read_cable(in, "nvlink", "hop")} {}

    void build(Cluster::Builder& cluster) const override { add_node(cluster, 0, gpus_, nvlink_); }

private:
    int gpus_;
    Cable nvlink_;
};

const sim::Register<Fabric, Node, sim::Table&> entry{"node",
                                                     "one server of GPUs around an NVSwitch"};

}  // namespace
}  // namespace moesim::topologies
