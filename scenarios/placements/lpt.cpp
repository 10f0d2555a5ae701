#include "scenarios/placements/parts.hpp"

namespace moesim::scenarios {
namespace {

/// Longest processing time first with equal slots per GPU; with gpu_speed, the GPU that would be
/// done first. See balanced_pack(). Without the equal slots the largest load is at most
/// 4/3 - 1/(3 GPUs) of the best; with them no such bound holds.
class Lpt final : public PlacementStrategy {
public:
    explicit Lpt(sim::Table&) {}

    std::string refuse(const PlacementInput& input) const override {
        return unusable(input, false);
    }

    Placement place(const PlacementInput& input) const override {
        std::vector<std::vector<int>> gpu_of;
        for (const std::vector<double>& load : input.weight)
            gpu_of.push_back(balanced_pack(load, input.gpus, input.gpu_speed).bin);
        return one_copy_each(gpu_of, input);
    }
};

const sim::Register<PlacementStrategy, Lpt, sim::Table&> entry{
    "lpt", "the hottest expert left to the GPU with the least load, equal slots"};

}  // namespace
}  // namespace moesim::scenarios
