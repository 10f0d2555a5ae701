#include "scenarios/placements/parts.hpp"

namespace moesim::scenarios {
namespace {

/// Slot i holds expert i mod experts: consecutive experts on each GPU, and a second copy of the
/// first experts where there are more slots.
///   8 experts, 12 slots, 4 GPUs:   0 1 2 | 3 4 5 | 6 7 0 | 1 2 3
/// Source: the word "trivial" of sglang, eplb/expert_location.py; "linear" of vLLM without
/// replicas.
class Contiguous final : public PlacementStrategy {
public:
    explicit Contiguous(sim::Table&) {}

    std::string refuse(const PlacementInput& input) const override { return unusable(input, true); }

    Placement place(const PlacementInput& input) const override {
        const int experts = static_cast<int>(input.weight.front().size());
        std::vector<int> held;
        for (int slot = 0; slot < input.slots; ++slot) held.push_back(slot % experts);
        return Placement::from_slots({input.weight.size(), held}, experts);
    }

    bool replicates() const override { return true; }
};

const sim::Register<PlacementStrategy, Contiguous, sim::Table&> entry{
    "contiguous", "consecutive experts on each GPU, whatever their load"};

}  // namespace
}  // namespace moesim::scenarios
