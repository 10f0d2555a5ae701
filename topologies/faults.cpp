#include "topologies/faults.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "topologies/cluster_impl.hpp"

namespace moesim::topologies {
namespace {

constexpr int kMost = std::numeric_limits<int>::max();

int small(sim::Table& in, std::string_view key, int least) {
    const std::int64_t value = in.count(key, least);
    if (value > kMost) in.fail(key, fmt::format("{} is more than {}", value, kMost));
    return static_cast<int>(value);
}

int checked_gpu(const Cluster::Impl& c, const sim::Table& at, int gpu) {
    if (gpu >= static_cast<int>(c.gpus.size()))
        at.fail("gpu", fmt::format("GPU {} of a cluster of {}", gpu, c.gpus.size()),
                "GPUs are counted from 0");
    return gpu;
}

Vertex named(const Cluster::Impl& c, const sim::Table& at, std::string_view key,
             const std::string& name) {
    const auto found = std::find(c.labels.begin(), c.labels.end(), name);
    if (found != c.labels.end()) return static_cast<Vertex>(found - c.labels.begin());
    // Nearest by edit distance is slow on a hundred thousand names; switches are what is meant.
    std::vector<std::string> switches;
    for (Vertex v = 0; v < c.labels.size() && switches.size() < 4096; ++v)
        if (!c.is_gpu(v)) switches.push_back(c.labels[v]);
    const std::string near = sim::nearest(name, switches);
    at.fail(key, fmt::format("no '{}' in this cluster", name),
            near.empty() ? "names are those of `moesim topology NAME --dot FILE`"
                         : fmt::format("did you mean '{}'?", near));
}

void thin(PhysicalLink& link, int cables) {
    cables = std::min(cables, link.cables);
    if (cables == 0) return;
    const int left = link.cables - cables;
    link.capacity = link.capacity * (static_cast<double>(left) / link.cables);
    link.cables = left;
}

}  // namespace

Faults::Faults(sim::Table& in) {
    std::set<int> slow, dead;
    const auto fresh = [](std::set<int>& seen, const sim::Table& at, int gpu) {
        if (!seen.insert(gpu).second) at.fail("gpu", fmt::format("GPU {} twice", gpu));
        return gpu;
    };
    for (sim::Table& t : in.tables("gpu")) {
        const int gpu = fresh(slow, t, small(t, "gpu", 0));
        const double speed = t.number("speed", 0, 1);
        if (speed < 1e-3)
            t.fail("speed", "a GPU this slow computes nothing",
                   "between 0.001 and 1; leave out a GPU that is gone");
        gpus_.push_back({t, gpu, speed});
    }
    for (sim::Table& t : in.tables("nic")) {
        const int gpu = fresh(dead, t, small(t, "gpu", 0));
        const double rate = t.number("rate", 0, 1, 0);
        if (rate > 0 && rate < 1e-3) t.fail("rate", "slower than 0.001", "0 is a dead NIC");
        nics_.push_back({t, gpu, rate});
    }
    for (sim::Table& t : in.tables("link")) {
        Link link{t, t.text("from"), t.text("to"), 0};
        if (t.has("cables")) link.cables = small(t, "cables", 1);
        links_.push_back(std::move(link));
    }
    for (sim::Table& t : in.tables("switch")) switches_.push_back({t, t.text("name")});
}

void Faults::apply(Cluster::Impl& c) const {
    for (const Gpu& f : gpus_)
        c.speed_of[static_cast<std::size_t>(checked_gpu(c, f.at, f.gpu))] = f.rate;
    for (const Gpu& f : nics_) {
        const Vertex gpu = c.vertex_of(checked_gpu(c, f.at, f.gpu));
        bool any = false;
        for (std::size_t l = 0; l < c.links.size(); ++l) {
            PhysicalLink& link = c.links[l];
            if (c.legs[l] != Leg::scale_out || (link.from != gpu && link.to != gpu)) continue;
            any = true;
            if (f.rate > 0)
                link.capacity = link.capacity * f.rate;
            else
                thin(link, link.cables);
        }
        if (!any) f.at.fail("gpu", fmt::format("GPU {} has no NIC", f.gpu));
    }
    for (const Link& f : links_) {
        const Vertex a = named(c, f.at, "from", f.from), b = named(c, f.at, "to", f.to);
        bool any = false;
        for (PhysicalLink& link : c.links) {
            if (!(link.from == a && link.to == b) && !(link.from == b && link.to == a)) continue;
            any = true;
            if (f.cables > link.cables && link.cables > 0)
                f.at.fail("cables", fmt::format("{} of {} cables", f.cables, link.cables));
            thin(link, f.cables == 0 ? link.cables : f.cables);
        }
        if (!any) f.at.fail("to", fmt::format("no link from '{}' to '{}'", f.from, f.to));
    }
    for (const Switch& f : switches_) {
        const Vertex v = named(c, f.at, "name", f.name);
        if (c.is_gpu(v)) f.at.fail("name", fmt::format("'{}' is a GPU, not a switch", f.name));
        for (PhysicalLink& link : c.links)
            if (link.from == v || link.to == v) thin(link, link.cables);
    }
}

void check_connected(const Cluster::Impl& c, const sim::Table& in, const sim::Table* faults) {
    std::vector<Vertex> root(c.places.size());
    for (Vertex v = 0; v < root.size(); ++v) root[v] = v;
    const auto find = [&](Vertex v) {
        while (root[v] != v) v = root[v] = root[root[v]];
        return v;
    };
    for (const PhysicalLink& l : c.links)
        if (l.cables > 0) root[find(l.from)] = find(l.to);
    const auto cut = std::find_if(c.gpus.begin(), c.gpus.end(),
                                  [&](Vertex v) { return find(v) != find(c.gpus[0]); });
    if (cut == c.gpus.end()) return;
    const std::string what = fmt::format("no way from {} to {}", c.labels[c.gpus[0]],
                                         c.labels[static_cast<std::size_t>(*cut)]);
    if (faults != nullptr) faults->fail("", what, "these faults cut the cluster in two");
    in.fail("kind", what, "every GPU must reach every other one");
}

}  // namespace moesim::topologies
