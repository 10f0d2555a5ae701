#include "topologies/cluster_builder.hpp"

#include <fmt/format.h>

#include <cassert>
#include <utility>

#include "topologies/cluster_impl.hpp"

namespace moesim::topologies {

Cluster::Builder::Builder(std::string name, Device device) : impl_{std::make_shared<Impl>()} {
    impl_->name = std::move(name);
    impl_->device = std::move(device);
}

Vertex Cluster::Builder::add(Place place, int node, std::string name) {
    impl_->places.push_back(place);
    impl_->nodes.push_back(node);
    impl_->labels.push_back(std::move(name));
    impl_->gpu_of.push_back(-1);
    return static_cast<Vertex>(impl_->places.size() - 1);
}

Vertex Cluster::Builder::add_gpu(int node) {
    assert((node == impl_->node_count || node + 1 == impl_->node_count) && "nodes come in order");
    impl_->node_count = node + 1;
    const auto number = static_cast<int>(impl_->gpus.size());
    const Vertex v = add(Place::gpu, node, fmt::format("gpu-{}", number));
    impl_->gpus.push_back(v);
    impl_->gpu_of[v] = number;
    impl_->ports.emplace_back();
    return v;
}

void Cluster::Builder::set_gpus_per_host(int gpus) { impl_->gpus_per_host = gpus; }

void Cluster::Builder::set_switch_chips(int chips) { impl_->switch_chips = chips; }

Vertex Cluster::Builder::add_nic(int node) {
    return add(Place::nic, node, fmt::format("nic-{}", impl_->places.size()));
}

Vertex Cluster::Builder::add_nvswitch(int node) {
    return add(Place::nvswitch, node, fmt::format("nvswitch-{}", node));
}

Vertex Cluster::Builder::add_switch(std::string name) {
    return add(Place::switch_, -1, std::move(name));
}

void Cluster::Builder::connect(Vertex a, Vertex b, const std::string& cls, const Cable& cable) {
    link(a, b, cls, cable);
    link(b, a, cls, cable);
}

void Cluster::Builder::link(Vertex from, Vertex to, const std::string& cls, const Cable& cable) {
    assert(from != to && from < impl_->places.size() && to < impl_->places.size());
    assert(cable.cables > 0 && cable.rate.si() > 0 && cable.hop.si() >= 0);
    const auto id = static_cast<int>(impl_->links.size());
    impl_->links.push_back({from, to, cls, cable.rate * cable.cables, cable.hop, cable.cables});
    const bool scale_up = cls == "nvlink";
    impl_->legs.push_back(scale_up ? Leg::scale_up : Leg::scale_out);

    // A GPU with several ports of a kind is known by its first.
    const auto note = [id](int& port) { port = port < 0 ? id : port; };
    if (const int gpu = impl_->gpu_of[from]; gpu >= 0) {
        Impl::Ports& ports = impl_->ports[static_cast<std::size_t>(gpu)];
        note(scale_up ? ports.nvlink_out : ports.nic_out);
    }
    if (const int gpu = impl_->gpu_of[to]; gpu >= 0) {
        Impl::Ports& ports = impl_->ports[static_cast<std::size_t>(gpu)];
        note(scale_up ? ports.nvlink_in : ports.nic_in);
    }
}

Cluster Cluster::Builder::finish(const nlohmann::ordered_json& resolved) && {
    assert(impl_->node_count > 0 && "a cluster has GPUs");
    assert(impl_->gpus.size() % static_cast<std::size_t>(impl_->node_count) == 0);
    std::vector<std::pair<Vertex, Vertex>> ends;
    std::vector<LinkIndex> index;
    ends.reserve(impl_->links.size());
    index.reserve(impl_->links.size());
    for (const PhysicalLink& l : impl_->links) {
        ends.emplace_back(l.from, l.to);
        index.push_back({static_cast<std::uint32_t>(index.size())});
    }
    impl_->graph = Graph{boost::edges_are_unsorted_multi_pass, ends.begin(), ends.end(),
                         index.begin(), static_cast<Vertex>(impl_->places.size())};
    impl_->resolved = resolved;

    Cluster cluster;
    cluster.impl_ = std::move(impl_);
    return cluster;
}

}  // namespace moesim::topologies
