#include "topologies/cluster_builder.hpp"

#include <fmt/format.h>

#include <cassert>
#include <map>
#include <tuple>
#include <utility>

#include "topologies/cluster_impl.hpp"

namespace moesim::topologies {

Cluster::Builder::Builder(std::string name, Device device) : impl_{std::make_shared<Impl>()} {
    impl_->name = std::move(name);
    impl_->devices.push_back(std::move(device));
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
    impl_->device_of.push_back(0);
    impl_->speed_of.push_back(1);
    return v;
}

void Cluster::Builder::set_core_ports(int ports, double oversubscription) {
    impl_->given.core_ports = ports;
    impl_->given.core_oversubscription = oversubscription;
}

Vertex Cluster::Builder::add_router(int node) {
    return add(Place::router, node, fmt::format("router-{}", impl_->places.size()));
}

Vertex Cluster::Builder::add_scale_up_switch(int node, std::string name) {
    return add(Place::nvswitch, node, std::move(name));
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
    const bool scale_up = cls == "nvlink" || cls == "mesh" || cls == "torus" || cls == "scale-up";
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

namespace {

/// The NIC of a GPU that has lost its own: that of the next one in its node.
void find_stand_ins(Cluster::Impl& c) {
    const int per_node = static_cast<int>(c.gpus.size()) / c.node_count;
    const auto works = [&](int port) {
        return port >= 0 && c.links[static_cast<std::size_t>(port)].cables > 0;
    };
    const std::vector<Cluster::Impl::Ports> own = c.ports;
    for (int g = 0; g < static_cast<int>(own.size()); ++g) {
        Cluster::Impl::Ports& ports = c.ports[static_cast<std::size_t>(g)];
        if (ports.nvlink_out >= 0 && !works(ports.nvlink_out)) ports.nvlink_out = -1;
        if (ports.nvlink_in >= 0 && !works(ports.nvlink_in)) ports.nvlink_in = -1;
        if (ports.nic_out < 0 || (works(ports.nic_out) && works(ports.nic_in))) continue;
        ports.nic_out = ports.nic_in = -1;
        for (int i = 1; i < per_node && ports.nic_out < 0; ++i) {
            const auto& peer =
                own[static_cast<std::size_t>(g / per_node * per_node + (g + i) % per_node)];
            if (!works(peer.nic_out) || !works(peer.nic_in)) continue;
            ports.nic_out = peer.nic_out;
            ports.nic_in = peer.nic_in;
        }
    }
}

/// Numbers the kinds of GPUs by device, speed and what their ports carry.
void classify(Cluster::Impl& c) {
    using Key = std::tuple<int, double, double, double, bool>;
    std::map<Key, int> known;
    const auto rate = [&](int port) {
        return port < 0 ? -1.0 : c.links[static_cast<std::size_t>(port)].capacity.si();
    };
    const auto leaves_from = [&](int port, std::size_t g) {
        return port < 0 || c.links[static_cast<std::size_t>(port)].from == c.gpus[g];
    };
    for (std::size_t g = 0; g < c.gpus.size(); ++g) {
        const Cluster::Impl::Ports& p = c.ports[g];
        const Key key{c.device_of[g], c.speed_of[g], rate(p.nvlink_out), rate(p.nic_out),
                      leaves_from(p.nic_out, g)};
        c.hardware_of.push_back(
            known.try_emplace(key, static_cast<int>(known.size())).first->second);
    }
    c.is_uniform = known.size() <= 1;
}

}  // namespace

Cluster Cluster::Builder::finish(const nlohmann::ordered_json& resolved) && {
    assert(impl_->node_count > 0 && "a cluster has GPUs");
    assert(impl_->gpus.size() % static_cast<std::size_t>(impl_->node_count) == 0);
    std::vector<std::pair<Vertex, Vertex>> ends;
    std::vector<LinkIndex> index;
    ends.reserve(impl_->links.size());
    index.reserve(impl_->links.size());
    for (std::uint32_t id = 0; id < impl_->links.size(); ++id) {
        const PhysicalLink& l = impl_->links[id];
        if (l.cables == 0) continue;  // failed
        ends.emplace_back(l.from, l.to);
        index.push_back({id});
    }
    impl_->graph = Graph{boost::edges_are_unsorted_multi_pass, ends.begin(), ends.end(),
                         index.begin(), static_cast<Vertex>(impl_->places.size())};
    impl_->resolved = resolved;
    find_stand_ins(*impl_);
    classify(*impl_);

    Cluster cluster;
    cluster.impl_ = std::move(impl_);
    return cluster;
}

}  // namespace moesim::topologies
