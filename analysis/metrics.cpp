#include "analysis/metrics.hpp"

#include <algorithm>

namespace moesim::analysis {

using scenarios::Lowered;

MemoryPeak memory_peak(const Lowered& lowered, const sim::Timeline& line) {
    struct Change {
        double when, bytes;
        std::uint32_t rank_class;
        scenarios::MemoryClass cls;
    };
    std::vector<Change> changes;
    for (const scenarios::MemoryEvent& e : lowered.memory) {
        const std::uint32_t first = line.first[e.task];
        changes.push_back(
            {e.at_end ? line.end[first] : line.start[first], e.bytes, e.rank_class, e.cls});
    }
    // What is freed at a moment is free for what is taken at it.
    std::stable_sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) {
        return a.when != b.when ? a.when < b.when : a.bytes < b.bytes;
    });
    auto held = lowered.standing;
    MemoryPeak peak;
    const auto look = [&](std::uint32_t c) {
        double sum = 0;
        for (const double bytes : held[c]) sum += bytes;
        if (sum > peak.bytes) peak = {sum, c, held[c]};
    };
    for (std::uint32_t c = 0; c < held.size(); ++c) look(c);
    for (const Change& change : changes) {
        held[change.rank_class][static_cast<std::size_t>(change.cls)] += change.bytes;
        if (change.bytes > 0) look(change.rank_class);
    }
    return peak;
}

std::map<std::string, LinkUse> link_use(const Lowered& lowered, const sim::Timeline& line) {
    const sim::TaskGraph& graph = lowered.graph;
    std::vector<double> bytes(graph.links.size(), 0);
    for (const sim::Demand& d : graph.demands)
        for (const sim::LinkId l : graph.paths[d.path]) bytes[l] += d.bytes;
    std::map<std::string, LinkUse> out;
    std::map<std::string, double> links;
    for (std::size_t l = 0; l < graph.links.size(); ++l) {
        const sim::Link& link = graph.links[l];
        LinkUse& use = out[link.cls];
        const double share =
            line.makespan > 0 ? bytes[l] / (link.capacity.si() * line.makespan) : 0;
        use.capacity_bytes_per_s = link.capacity.si();
        use.utilisation_mean += share * link.stands_for;
        use.utilisation_max = std::max(use.utilisation_max, share);
        links[link.cls] += link.stands_for;
    }
    for (auto& [cls, use] : out) use.utilisation_mean /= links[cls];
    return out;
}

std::array<double, sim::kKinds> bytes_by_kind(const Lowered& lowered) {
    std::array<double, sim::kKinds> out{};
    const sim::TaskGraph& graph = lowered.graph;
    for (const sim::TaskGraph::Task& task : graph.tasks) {
        if (!task.transfer) continue;
        double bytes = 0;
        // Ports come in pairs, out and in: half of what loads them was sent, once per path of two.
        for (const sim::Demand& d : graph.demands_of(task)) {
            const auto& path = graph.paths[d.path];
            const std::string& cls = graph.links[path.front()].cls;
            if (cls != "nic" && cls != "nvlink") continue;  // what ports sent, farther on
            bytes += d.bytes * graph.links[path.front()].stands_for * (path.size() > 1 ? 1 : 0.5);
        }
        out[static_cast<std::size_t>(task.label.kind)] += bytes;
    }
    return out;
}

Means means(const Lowered& lowered, const std::vector<std::vector<MemberTimes>>& booked) {
    Means out;
    double ranks = 0;
    for (std::size_t c = 0; c < booked.size(); ++c)
        for (const MemberTimes& m : booked[c]) {
            const double weight = lowered.graph.rank_classes[c].stands_for;
            ranks += weight;
            for (std::size_t i = 0; i < kParts; ++i) out.parts[i] += weight * m.parts[i];
            for (std::size_t i = 0; i < kPhases; ++i) out.phases[i] += weight * m.phases[i];
            for (std::size_t i = 0; i < sim::kKinds; ++i) out.busy[i] += weight * m.busy[i];
            out.in_flight += weight * m.in_flight;
        }
    for (double& v : out.parts) v /= ranks;
    for (double& v : out.phases) v /= ranks;
    for (double& v : out.busy) v /= ranks;
    out.in_flight /= ranks;
    return out;
}

}  // namespace moesim::analysis
