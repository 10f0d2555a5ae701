#include "analysis/report/ports.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace moesim::analysis {

namespace {

/// The simulated link that stands for a port of the cluster.
std::optional<sim::LinkId> simulated(const Simulated& run, int port) {
    const auto& cluster = run.scenario.cluster;
    if (port < 0) return {};
    const auto& physical = cluster.links()[static_cast<std::size_t>(port)];
    const std::string name = fmt::format("{} {}->{}", physical.cls, physical.from, physical.to);
    const auto& links = run.lowered.graph.links;
    for (sim::LinkId l = 0; l < links.size(); ++l)
        if (links[l].name == name) return l;
    return {};
}

}  // namespace

std::optional<sim::LinkId> nic_out(const Simulated& run, std::uint32_t rank_class) {
    return simulated(run, run.scenario.cluster.nic_out(run.lowered.first_gpu[rank_class]));
}

std::optional<sim::LinkId> nvlink_out(const Simulated& run, std::uint32_t rank_class) {
    return simulated(run, run.scenario.cluster.nvlink_out(run.lowered.first_gpu[rank_class]));
}

std::uint32_t slowest_member(const Simulated& run, std::uint32_t rank_class) {
    const auto& members = run.booked[rank_class];
    const auto at = std::max_element(
        members.begin(), members.end(),
        [](const MemberTimes& a, const MemberTimes& b) { return a.parts[0] < b.parts[0]; });
    return static_cast<std::uint32_t>(at - members.begin());
}

std::vector<MemoryPeak> memory_peaks(const Simulated& run) {
    struct Change {
        double when, bytes;
        scenarios::MemoryClass cls;
    };
    std::vector<std::vector<Change>> changes(run.lowered.standing.size());
    for (const scenarios::MemoryEvent& e : run.lowered.memory) {
        const std::uint32_t p = run.line.first[e.task];
        changes[e.rank_class].push_back(
            {e.at_end ? run.line.end[p] : run.line.start[p], e.bytes, e.cls});
    }
    std::vector<MemoryPeak> out;
    for (std::uint32_t c = 0; c < changes.size(); ++c) {
        // What is freed at a moment is free for what is taken at it, as in memory_peak.
        std::stable_sort(changes[c].begin(), changes[c].end(),
                         [](const Change& a, const Change& b) {
                             return a.when != b.when ? a.when < b.when : a.bytes < b.bytes;
                         });
        auto held = run.lowered.standing[c];
        const auto sum = [&] { return std::accumulate(held.begin(), held.end(), 0.0); };
        MemoryPeak peak{sum(), c, held};
        for (const Change& change : changes[c]) {
            held[static_cast<std::size_t>(change.cls)] += change.bytes;
            if (change.bytes > 0 && sum() > peak.bytes) peak = {sum(), c, held};
        }
        out.push_back(peak);
    }
    return out;
}

}  // namespace moesim::analysis
