#include "topologies/bisection.hpp"

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/push_relabel_max_flow.hpp>
#include <cmath>
#include <map>

#include "topologies/cluster_impl.hpp"

namespace moesim::topologies {
namespace {

using Capacity = std::int64_t;  // whole bytes per second: the flow is exact
using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
using FlowGraph = boost::adjacency_list<
    boost::vecS, boost::vecS, boost::directedS, boost::no_property,
    boost::property<
        boost::edge_capacity_t, Capacity,
        boost::property<boost::edge_residual_capacity_t, Capacity,
                        boost::property<boost::edge_reverse_t, Traits::edge_descriptor>>>>;

constexpr Vertex kSource = 0, kSink = 1, kFirst = 2;

/// First GPU of the upper half.
int middle(const Cluster::Impl& c) {
    const auto gpus = static_cast<int>(c.gpus.size());
    return c.node_count > 1 ? c.node_count / 2 * (gpus / c.node_count) : gpus / 2;
}

/// Adds an edge and the empty one back that the algorithm asks for.
void connect(FlowGraph& graph, Vertex from, Vertex to, Capacity capacity) {
    const auto there = boost::add_edge(from, to, graph).first;
    const auto back = boost::add_edge(to, from, graph).first;
    boost::put(boost::edge_capacity, graph, there, capacity);
    boost::put(boost::edge_capacity, graph, back, 0);
    boost::put(boost::edge_reverse, graph, there, back);
    boost::put(boost::edge_reverse, graph, back, there);
}

}  // namespace

BytesPerSecond bisection(const Cluster::Impl& c) {
    const int half = middle(c);
    if (half == 0) return BytesPerSecond{0};

    // All GPUs of a half are one vertex: they send and receive without bound, so nothing is lost,
    // and what remains is no larger than the switches.
    const auto merged = [&](Vertex v) {
        if (!c.is_gpu(v)) return v + kFirst;
        return c.gpu_of[v] < half ? kSource : kSink;
    };
    std::map<std::pair<Vertex, Vertex>, Capacity> capacities;
    for (const PhysicalLink& l : c.links)
        if (const Vertex from = merged(l.from), to = merged(l.to); from != to)
            capacities[{from, to}] += std::llround(l.capacity.si());

    FlowGraph graph{c.places.size() + kFirst};
    for (const auto& [ends, capacity] : capacities)
        connect(graph, ends.first, ends.second, capacity);
    return BytesPerSecond{static_cast<double>(boost::push_relabel_max_flow(graph, kSource, kSink))};
}

}  // namespace moesim::topologies
