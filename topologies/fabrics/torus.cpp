#include <fmt/format.h>

#include "topologies/fabric.hpp"
#include "topologies/fabrics/parts.hpp"

namespace moesim::topologies {
namespace {

/// A torus (or, without wrap, a mesh) of one to four dimensions, the scale-up domain of a TPU pod.
/// One ring of the x dimension, of four chips:
///
///   ,--------------------------------------,     wrap
///   `-[r]=====[r]=====[r]=====[r]----------'     torus, `link` each direction
///      |       |       |       |                 every router has two links per dimension
///     g0      g1      g2      g3
///
/// Chips are numbered x first: g = x + X (y + Y z). g0 -> g1: one hop; g0 -> g2: two hops, half to
/// the right and half to the left. The port of a chip carries all its links (6 in 3-D); a dimension
/// of two has both links to the same neighbour, one of one has none. Keys: shape, link, hop, wrap
/// (true), gpus_per_host. Left out: twisted tori, routing round hot spots.
class Torus final : public Fabric {
public:
    explicit Torus(sim::Table& in) : link_{read_cable(in, "link", "hop")} {
        for (const std::int64_t side : in.counts("shape", 1)) {
            if (side > kMostGpus || shape_.size() == 4)
                in.fail("shape", fmt::format("up to four sides of up to {}", kMostGpus));
            shape_.push_back(static_cast<int>(side));
            if (side > kMostGpus / gpus_)
                in.fail("shape", fmt::format("more than {} chips", kMostGpus));
            gpus_ *= static_cast<int>(side);
        }
        if (shape_.empty()) in.fail("shape", "no side", "shape = [16, 16, 16]");
        wrap_ = in.flag("wrap", true);
        gpus_per_host_ = read_rails(in, gpus_, "gpus_per_host");
    }

    void build(Cluster::Builder& cluster) const override {
        cluster.set_gpus_per_host(gpus_per_host_);
        std::vector<Vertex> chips, routers;
        for (int g = 0; g < gpus_; ++g) chips.push_back(cluster.add_gpu(0));
        for (int g = 0; g < gpus_; ++g) routers.push_back(cluster.add_router(0));
        std::vector<int> links(static_cast<std::size_t>(gpus_), 0);
        int stride = 1;
        for (const int side : shape_) {
            for (int g = 0; g < gpus_; ++g) {
                const int at = g / stride % side;
                if (side == 1 || (at + 1 == side && !wrap_)) continue;
                const int next = at + 1 == side ? g - at * stride : g + stride;
                const bool pair = side == 2 && wrap_;  // both links lead to the one neighbour
                if (pair && at == 1) continue;
                const auto from = static_cast<std::size_t>(g), to = static_cast<std::size_t>(next);
                cluster.connect(routers[from], routers[to], "torus",
                                {link_.rate, link_.hop, pair ? 2 : 1});
                links[from] += pair ? 2 : 1;
                links[to] += pair ? 2 : 1;
            }
            stride *= side;
        }
        for (std::size_t g = 0; g < chips.size(); ++g)
            cluster.connect(chips[g], routers[g], "nvlink",
                            {link_.rate, Seconds{0}, std::max(1, links[g])});
    }

private:
    Cable link_;
    std::vector<int> shape_;
    int gpus_ = 1, gpus_per_host_ = 1;
    bool wrap_ = true;
};

const sim::Register<Fabric, Torus, sim::Table&> entry{
    "torus", "chips in rings of one to four dimensions, as in TPU pods"};

}  // namespace
}  // namespace moesim::topologies
