#include "scenarios/hardware.hpp"

namespace moesim::scenarios {
namespace {

/// Hardware of the members of a group, pipeline rank by pipeline rank.
std::vector<int> signature(const Scenario& s, int group) {
    const Parallel& p = s.parallel;
    std::vector<int> out;
    for (int rank = 0; rank < p.pipeline; ++rank)
        for (int member = 0; member < p.expert_group(); ++member)
            out.push_back(s.cluster.hardware(s.grid.gpu(rank, group, member)));
    return out;
}

}  // namespace

std::vector<AlikeGroups> alike_groups(const Scenario& s) {
    const int groups = s.parallel.expert_data();
    if (s.cluster.uniform()) return {{0, groups}};
    std::vector<AlikeGroups> out;
    std::map<std::vector<int>, std::size_t> known;
    for (int g = 0; g < groups; ++g) {
        const auto [at, fresh] = known.try_emplace(signature(s, g), out.size());
        if (fresh)
            out.push_back({g, 1});
        else
            ++out[at->second].count;
    }
    return out;
}

bool members_differ(const Scenario& s) {
    if (s.cluster.uniform()) return false;
    const Parallel& p = s.parallel;
    for (int rank = 0; rank < p.pipeline; ++rank)
        for (int group = 0; group < p.expert_data(); ++group)
            for (int member = 1; member < p.expert_group(); ++member)
                if (s.cluster.hardware(s.grid.gpu(rank, group, 0)) !=
                    s.cluster.hardware(s.grid.gpu(rank, group, member)))
                    return true;
    return false;
}

DeviceCosts::DeviceCosts(const Scenario& s, int experts_per_rank, double mean_rows,
                         double unique_per_row)
    : s_{s} {
    const auto add = [&](const Scenario& on) {
        costs_.push_back(
            std::make_unique<LayerCosts>(on, experts_per_rank, mean_rows, unique_per_row));
    };
    at_[s.cluster.device().name] = 0;
    add(s);
    if (s.cluster.uniform()) return;
    for (int gpu = 0; gpu < s.gpus; ++gpu) {
        const topologies::Device& device = s.cluster.device(gpu);
        if (!at_.try_emplace(device.name, costs_.size()).second) continue;
        copies_.push_back(std::make_unique<Scenario>(s));
        copies_.back()->profile = topologies::Profile::load(device.profile, device);
        add(*copies_.back());
    }
}

double DeviceCosts::seconds(int gpu, const SegmentCost& usual, const Item& item, Segment segment,
                            bool contended, double rows, double part) const {
    const auto on = [&](const SegmentCost& cost) {
        return cost.depends_on_rows() ? cost.at(rows, part) : cost.seconds.front() * part;
    };
    if (s_.cluster.uniform()) return on(usual);
    const std::size_t device = at_.at(s_.cluster.device(gpu).name);
    const SegmentCost& cost = device == 0 ? usual : costs_[device]->get(item, segment, contended);
    return on(cost) / s_.cluster.speed(gpu);
}

}  // namespace moesim::scenarios
