#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "topologies/fabric.hpp"
#include "topologies/fabrics/parts.hpp"

namespace moesim::topologies {
namespace {

/// Any graph, cable by cable:
///
///     kind = "edges"
///     gpus = 4
///     gpus_per_node = 2
///     [[switch]]                # inside node 0 where `node` says so, else outside of nodes
///     name = "nvswitch-0"
///     node = 0
///     [[edge]]
///     ends = ["gpu-0", "nvswitch-0"]       rate = "450 GB/s"   hop = "1 us"
///     cables = 2                           class = "leaf-spine"
///
/// `class` is, when absent, "nvlink" for an edge inside a node and "nic" for one of a GPU that
/// leaves it; between switches outside of nodes it is "leaf-spine". Links go both ways.
class Edges final : public Fabric {
public:
    explicit Edges(sim::Table& in)
        : gpus_{read_count(in, "gpus", 1, kMostGpus)},
          per_node_{read_rails(in, gpus_, "gpus_per_node")} {
        for (int g = 0; g < gpus_; ++g) names_[fmt::format("gpu-{}", g)] = g / per_node_;
        for (sim::Table& t : in.tables("switch")) read_switch(t);
        for (sim::Table& t : in.tables("edge")) read_edge(t);
        if (gpus_ > 1 && edges_.empty()) in.fail("edge", "no edge joins the GPUs");
    }

    void build(Cluster::Builder& cluster) const override {
        std::map<std::string, Vertex> vertices;
        for (int g = 0; g < gpus_; ++g)
            vertices[fmt::format("gpu-{}", g)] = cluster.add_gpu(g / per_node_);
        for (const std::string& name : switches_) {
            const int node = names_.at(name);
            vertices[name] =
                node < 0 ? cluster.add_switch(name) : cluster.add_scale_up_switch(node, name);
        }
        for (const Edge& e : edges_)
            cluster.connect(vertices.at(e.a), vertices.at(e.b), e.cls, e.cable);
    }

private:
    struct Edge {
        std::string a, b, cls;
        Cable cable;
    };

    void read_switch(sim::Table& t) {
        const std::string name = t.text("name");
        if (name.empty()) t.fail("name", "an empty name");
        const int node = t.has("node") ? read_count(t, "node", 0, gpus_ / per_node_ - 1) : -1;
        if (!t.has("node")) t.ignore("node");
        if (!names_.emplace(name, node).second)
            t.fail("name", fmt::format("'{}' is there already", name), "names are given once");
        switches_.push_back(name);
    }

    void read_edge(sim::Table& t) {
        const auto ends = t.texts("ends");
        if (ends.size() != 2)
            t.fail("ends", "expected two names", "ends = [\"gpu-0\", \"leaf-0\"]");
        for (const std::string& end : ends)
            if (!names_.contains(end)) {
                std::vector<std::string> near = switches_;
                near.push_back("gpu-0");
                const std::string word = sim::nearest(end, near);
                t.fail("ends", fmt::format("no '{}' here", end),
                       word.empty() ? "GPUs are gpu-0 onwards; switches stand in [[switch]]"
                                    : fmt::format("did you mean '{}'?", word));
            }
        if (ends[0] == ends[1]) t.fail("ends", fmt::format("'{}' twice", ends[0]));
        if (!pairs_.insert(std::minmax(ends[0], ends[1])).second)
            t.fail("ends", fmt::format("'{}' and '{}' are joined already", ends[0], ends[1]),
                   "say how often by `cables`");
        Edge edge{ends[0], ends[1], "", read_cable(t, "rate", "hop")};
        edge.cable.cables = read_count(t, "cables", 1, kMostPorts, 1);
        const int a = names_.at(ends[0]), b = names_.at(ends[1]);
        const bool gpu = ends[0].starts_with("gpu-") || ends[1].starts_with("gpu-");
        const std::string usual = a == b && a >= 0 ? "nvlink" : gpu ? "nic" : "leaf-spine";
        edge.cls = t.choice(
            "class",
            {"nvlink", "scale-up", "nic", "leaf-spine", "spine-core", "local", "global", "pcie"},
            usual);
        edges_.push_back(std::move(edge));
    }

    int gpus_, per_node_;
    std::map<std::string, int> names_;  // node, -1 outside
    std::vector<std::string> switches_;
    std::set<std::pair<std::string, std::string>> pairs_;
    std::vector<Edge> edges_;
};

const sim::Register<Fabric, Edges, sim::Table&> entry{"edges", "any graph, edge by edge"};

}  // namespace
}  // namespace moesim::topologies
