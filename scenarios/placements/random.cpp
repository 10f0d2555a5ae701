#include "models/random.hpp"
#include "scenarios/placements/parts.hpp"

namespace moesim::scenarios {
namespace {

constexpr std::uint64_t kStream = 0x9ac5;  // keeps these draws apart from other users of the seed

/// The slots of "contiguous", shuffled; every layer differently, by the seed.
class RandomPlacement final : public PlacementStrategy {
public:
    explicit RandomPlacement(sim::Table&) {}

    std::string refuse(const PlacementInput& input) const override { return unusable(input, true); }

    Placement place(const PlacementInput& input) const override {
        const int experts = static_cast<int>(input.weight.front().size());
        std::vector<std::vector<int>> phy2log;
        for (std::size_t l = 0; l < input.weight.size(); ++l) {
            phy2log.push_back(models::Random{kStream, input.seed, l}.permutation(input.slots));
            for (int& expert : phy2log.back()) expert %= experts;
        }
        return Placement::from_slots(std::move(phy2log), experts);
    }

    bool replicates() const override { return true; }
};

const sim::Register<PlacementStrategy, RandomPlacement, sim::Table&> entry{
    "random", "experts in random slots, each layer anew, by the seed"};

}  // namespace
}  // namespace moesim::scenarios
