#include "topologies/fabric.hpp"
#include "topologies/fabrics/parts.hpp"

namespace moesim::topologies {
namespace {

/// One NVLink domain of several trays, and nothing outside: NVL72, NVL36, or the NVL8 of a board.
///
///   tray-0: gpu-0 .. gpu-3     tray-1: gpu-4 .. gpu-7    ...
///             \\\\                   ////                nvlink, each direction
///            [            nvswitch-0            ]        `chips` of them act as one stage, since
///                                                        every GPU has equal links to each
///
/// gpu-0 -> gpu-7: nvlink up (gpu-0, nvswitch-0), nvlink down (nvswitch-0, gpu-7); 2 hops, as
/// within a tray. Racks that a scale-out fabric joins are the nodes of a kind that has one, with
/// `rails` = GPUs of a tray.
class NvlinkRack final : public Fabric {
public:
    explicit NvlinkRack(sim::Table& in)
        : gpus_{read_count(in, "gpus", 1, kMostPorts)},
          gpus_per_tray_{read_rails(in, gpus_, "gpus_per_tray")},
          chips_{read_count(in, "chips", 1, kMostPorts, 1)},
          nvlink_{read_cable(in, "nvlink", "hop")} {}

    void build(Cluster::Builder& cluster) const override {
        cluster.set_gpus_per_host(gpus_per_tray_);
        cluster.set_switch_chips(chips_);
        add_node(cluster, 0, gpus_, nvlink_);
    }

private:
    int gpus_, gpus_per_tray_, chips_;
    Cable nvlink_;
};

const sim::Register<Fabric, NvlinkRack, sim::Table&> entry{
    "nvlink_rack", "trays of GPUs in one NVLink domain: NVL72, NVL36, NVL8"};

}  // namespace
}  // namespace moesim::topologies
