#include "scenarios/placements/parts.hpp"

namespace moesim::scenarios {
namespace {

/// Expert e on GPU e mod gpus; further slots go on with expert 0.
///   8 experts, 12 slots, 4 GPUs:   0 4 0 | 1 5 1 | 2 6 2 | 3 7 3
/// Source: vLLM, expert_placement_strategy "round_robin".
class RoundRobin final : public PlacementStrategy {
public:
    explicit RoundRobin(sim::Table&) {}

    std::string refuse(const PlacementInput& input) const override { return unusable(input, true); }

    Placement place(const PlacementInput& input) const override {
        const int experts = static_cast<int>(input.weight.front().size());
        std::vector<int> held;
        for (int gpu = 0; gpu < input.gpus; ++gpu)
            for (int item = gpu; item < input.slots; item += input.gpus)
                held.push_back(item % experts);
        return Placement::from_slots({input.weight.size(), held}, experts);
    }

    bool replicates() const override { return true; }
};

const sim::Register<PlacementStrategy, RoundRobin, sim::Table&> entry{
    "round_robin", "experts dealt to the GPUs in turn, whatever their load"};

}  // namespace
}  // namespace moesim::scenarios
