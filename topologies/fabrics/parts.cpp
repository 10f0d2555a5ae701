#include "topologies/fabrics/parts.hpp"

#include <fmt/format.h>

namespace moesim::topologies {
namespace {

int checked(const sim::Table& in, std::string_view key, std::int64_t value, int most) {
    if (value > most) in.fail(key, fmt::format("{} is more than {}", value, most));
    return static_cast<int>(value);
}

}  // namespace

int read_count(sim::Table& in, std::string_view key, int least, int most) {
    return checked(in, key, in.count(key, least), most);
}

int read_count(sim::Table& in, std::string_view key, int least, int most, int fallback) {
    return checked(in, key, in.count(key, least, fallback), most);
}

int read_rails(sim::Table& in, int gpus_per_node, std::string_view key) {
    const int rails = read_count(in, key, 1, gpus_per_node, gpus_per_node);
    if (gpus_per_node % rails != 0)
        in.fail(key, fmt::format("{} GPUs do not divide by {}", gpus_per_node, rails),
                fmt::format("a divisor of {}", gpus_per_node));
    return rails;
}

Cable read_cable(sim::Table& in, std::string_view rate_key, std::string_view hop_key) {
    const Cable cable{in.rate(rate_key), in.time(hop_key)};
    if (!(cable.rate.si() > 0)) in.fail(rate_key, "must be more than zero");
    if (cable.hop.si() < 0) in.fail(hop_key, "must not be negative");
    return cable;
}

std::vector<Vertex> add_node(Cluster::Builder& cluster, int node, int gpus, const Cable& nvlink) {
    std::vector<Vertex> out;
    const Vertex hub = cluster.add_nvswitch(node);
    for (int i = 0; i < gpus; ++i) {
        out.push_back(cluster.add_gpu(node));
        cluster.connect(out.back(), hub, "nvlink", nvlink);
    }
    return out;
}

}  // namespace moesim::topologies
