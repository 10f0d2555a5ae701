#include <fmt/format.h>

#include <iterator>

#include "topologies/cluster_impl.hpp"

namespace moesim::topologies {
namespace {

std::string_view shape(Place place) {
    switch (place) {
        case Place::gpu:
            return "box";
        case Place::nic:
            return "cds";
        case Place::nvswitch:
            return "diamond";
        case Place::switch_:
            return "ellipse";
        case Place::router:
            return "circle";
    }
    return "";
}

}  // namespace

/// An undirected graph: links are drawn once for both directions, labelled with cables x rate.
std::string Cluster::dot() const {
    std::string out = fmt::format("graph \"{}\" {{\n  rankdir=BT;\n", name());
    const auto to = std::back_inserter(out);
    for (Vertex v = 0; v < impl_->places.size(); ++v)
        fmt::format_to(to, "  v{} [label=\"{}\", shape={}];\n", v, impl_->labels[v],
                       shape(impl_->places[v]));
    // Builder::connect makes the two directions of a link one after the other.
    for (std::size_t i = 0; i < impl_->links.size(); i += 2) {
        const PhysicalLink& l = impl_->links[i];
        if (l.cables == 0) continue;  // failed
        fmt::format_to(to, "  v{} -- v{} [class=\"{}\", label=\"{} x {:g} GB/s\"];\n", l.from, l.to,
                       l.cls, l.cables, l.capacity.si() / l.cables / 1e9);
    }
    out += "}\n";
    return out;
}

}  // namespace moesim::topologies
