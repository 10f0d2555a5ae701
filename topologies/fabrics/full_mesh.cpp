#include "topologies/fabric.hpp"
#include "topologies/fabrics/parts.hpp"

namespace moesim::topologies {
namespace {

/// One server whose accelerators have a link to each other and no switch: MI300X, Ascend 910B.
///
///   gpu-0 --[router]===========[router]-- gpu-1      `link` between every two routers
///               \\\           ///
///                 [router]-- gpu-2 ...               a GPU sends on all its links: (gpus - 1) x
///                 link
///
/// gpu-0 -> gpu-7: mesh (gpu-0's router, gpu-7's router): 1 hop, at the rate of one link, not of
/// all. The way from a GPU to its router is its port and no hop.
class FullMesh final : public Fabric {
public:
    explicit FullMesh(sim::Table& in)
        : gpus_{read_count(in, "gpus", 2, 256)}, link_{read_cable(in, "link", "hop")} {}

    void build(Cluster::Builder& cluster) const override {
        std::vector<Vertex> routers;
        for (int g = 0; g < gpus_; ++g) {
            const Vertex gpu = cluster.add_gpu(0);
            routers.push_back(cluster.add_router(0));
            cluster.connect(gpu, routers.back(), "nvlink", {link_.rate, Seconds{0}, gpus_ - 1});
            for (int other = 0; other < g; ++other)
                cluster.connect(routers[static_cast<std::size_t>(other)], routers.back(), "mesh",
                                link_);
        }
    }

private:
    int gpus_;
    Cable link_;
};

const sim::Register<Fabric, FullMesh, sim::Table&> entry{
    "full_mesh", "one server whose GPUs have a link to each other, no switch"};

}  // namespace
}  // namespace moesim::topologies
