#pragma once

#include <map>
#include <memory>
#include <vector>

#include "scenarios/layer_costs.hpp"

namespace moesim::scenarios {

/// Expert-parallel groups of a stage that are alike: member by member the same hardware, on every
/// pipeline rank. One stands for all of them in a folded run.
struct AlikeGroups {
    int first;  // the lowest number of them
    int count;
};

/// All groups of a stage, sorted into alike ones; one entry on a uniform cluster.
std::vector<AlikeGroups> alike_groups(const Scenario& scenario);

/// Whether the members of some group of the plan differ in hardware among themselves.
bool members_differ(const Scenario& scenario);

/// Segment costs on every device of the plan. The first device is the cluster's, with the
/// scenario's profile; another one takes the profile that it names, or its roofline.
class DeviceCosts {
public:
    DeviceCosts(const Scenario& scenario, int experts_per_rank, double mean_rows,
                double unique_per_row);

    /// On the cluster's device at full speed.
    [[nodiscard]] const LayerCosts& usual() const { return *costs_.front(); }
    [[nodiscard]] double stream_seconds(const std::string& segment, double rows,
                                        double unique) const {
        return usual().stream_seconds(segment, rows, unique);
    }
    /// Seconds of a segment, or of a part of it, on one GPU. rows: what it received, ignored where
    /// they do not matter.
    [[nodiscard]] double seconds(int gpu, const SegmentCost& usual, const Item& item,
                                 Segment segment, bool contended, double rows,
                                 double part = 1) const;

private:
    const Scenario& s_;
    std::vector<std::unique_ptr<Scenario>> copies_;  // with the profile of another device
    std::vector<std::unique_ptr<LayerCosts>> costs_;
    std::map<std::string, std::size_t> at_;  // device name -> costs_
};

}  // namespace moesim::scenarios
