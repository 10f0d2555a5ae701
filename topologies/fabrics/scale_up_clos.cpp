#include <fmt/format.h>

#include "topologies/fabric.hpp"
#include "topologies/fabrics/parts.hpp"

namespace moesim::topologies {
namespace {

/// One scale-up domain of two tiers of switches in disjoint planes: CloudMatrix384.
///
///   plane 0:  l2-0.0  l2-0.1 ...        plane 1:  l2-1.0 ...     `spines` of each plane
///                |  X  |                                          scale-up
///             l1-0.0  l1-0.1 ...                  l1-1.0 ...     one of each plane per host
///                |  X                                             nvlink, a part in each plane
///   host 0:   gpu-0 .. gpu-7        host 1: gpu-8 ..
///
/// A chip's link is split equally over the planes by its router. gpu-0 -> gpu-1 (same host): up,
/// down; 2 hops; to another host 4: up, scale-up, scale-up, down, in every plane at once. Non-
/// blocking: an L1 switch has as much above as below. Keys: hosts, gpus_per_host, planes, spines,
/// link (of one chip, all planes together), link_hop (chip to L1), hop (L1 to L2).
class ScaleUpClos final : public Fabric {
public:
    explicit ScaleUpClos(sim::Table& in)
        : hosts_{read_count(in, "hosts", 1, kMostGpus)},
          per_host_{read_count(in, "gpus_per_host", 1, kMostPorts)},
          planes_{read_count(in, "planes", 1, 64)},
          spines_{read_count(in, "spines", 1, kMostPorts)},
          link_{read_cable(in, "link", "link_hop")},
          up_{read_cable(in, "link", "hop")} {
        if (hosts_ > kMostGpus / per_host_)
            in.fail("hosts", fmt::format("more than {} GPUs", kMostGpus));
        if (std::int64_t{hosts_} * planes_ * spines_ > (1 << 22))
            in.fail("spines", "more than four million links");
    }

    void build(Cluster::Builder& cluster) const override {
        cluster.set_gpus_per_host(per_host_);
        std::vector<Vertex> chips, routers;
        for (int g = 0; g < hosts_ * per_host_; ++g) chips.push_back(cluster.add_gpu(0));
        for (const Vertex chip : chips) {
            routers.push_back(cluster.add_router(0));
            cluster.connect(chip, routers.back(), "nvlink", {link_.rate, Seconds{0}});
        }
        const BytesPerSecond part = link_.rate * (1.0 / planes_);
        const BytesPerSecond above = part * (static_cast<double>(per_host_) / spines_);
        for (int p = 0; p < planes_; ++p) {
            std::vector<Vertex> below;
            for (int h = 0; h < hosts_; ++h) {
                below.push_back(cluster.add_switch(fmt::format("l1-{}.{}", p, h)));
                for (int i = 0; i < per_host_; ++i)
                    cluster.connect(routers[static_cast<std::size_t>(h * per_host_ + i)],
                                    below.back(), "scale-up", {part, link_.hop});
            }
            for (int s = 0; s < spines_; ++s) {
                const Vertex spine = cluster.add_switch(fmt::format("l2-{}.{}", p, s));
                for (const Vertex l1 : below)
                    cluster.connect(l1, spine, "scale-up", {above, up_.hop});
            }
        }
    }

private:
    int hosts_, per_host_, planes_, spines_;
    Cable link_, up_;
};

const sim::Register<Fabric, ScaleUpClos, sim::Table&> entry{
    "scale_up_clos", "one scale-up domain of two tiers of switches in planes"};

}  // namespace
}  // namespace moesim::topologies
