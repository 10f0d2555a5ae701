#include <fmt/format.h>

#include "scenarios/placements/chain.hpp"
#include "scenarios/placements/parts.hpp"

namespace moesim::scenarios {
namespace {

constexpr double kAutoSteps = 3e8;    // less than a second
constexpr double kExactSteps = 1e10;  // about ten seconds

/// A token's next experts where its last ones were: on the GPU, else in the node.
///
/// Objective: the least sum over transitions between consecutive layers of (times taken) x (0 on
/// one GPU, 1 in one node, `across` otherwise), with equally many experts per GPU and no GPU loaded
/// more than `tolerance` above the mean (or above what "lpt" reaches, when that is more). `method`:
/// "exact" goes through all placements of each layer (few experts: 8 on 2 GPUs have 70), "search"
/// trades pairs and whole GPUs and is shaken `rounds` times per layer, "auto" is "exact" where that
/// takes no more than about a second.
/// GPU speeds are not looked at. With one layer it is "lpt".
/// Sources of the objective: ExFlow, arXiv:2401.08383; MoETuner, arXiv:2502.06643. The default of
/// `across` is NVLink over InfiniBand of an H800 node, 160 / 50 GB/s: arXiv:2412.19437,
/// section 3.2.2. The default of `tolerance` is assumed.
class TransitionAware final : public PlacementStrategy {
public:
    explicit TransitionAware(sim::Table& in)
        : tolerance_{in.number("tolerance", 0, 1e3, 0.1)},
          across_{in.number("across", 1, 1e6, 3.2)},
          method_{in.choice("method", {"auto", "exact", "search"}, "auto")},
          rounds_{static_cast<int>(in.count("rounds", 0, 4))} {}

    bool looks_at_pairs() const override { return true; }

    std::string refuse(const PlacementInput& input) const override {
        if (std::string why = unusable(input, false); !why.empty()) return why;
        if (input.follows.empty() && input.weight.size() > 1)
            return "it needs to know which expert follows which in the next layer, and that is not "
                   "known";
        if (method_ == "exact" && Chain{input, tolerance_, across_}.exact_steps() > kExactSteps)
            return fmt::format("\"exact\" would look at {:.1e} pairs of placements",
                               Chain{input, tolerance_, across_}.exact_steps());
        return {};
    }

    Placement place(const PlacementInput& input) const override {
        const Chain chain{input, tolerance_, across_};
        const bool exact =
            method_ == "exact" || (method_ == "auto" && chain.exact_steps() <= kAutoSteps);
        return one_copy_each(exact ? chain.exact() : chain.search(rounds_), input);
    }

private:
    double tolerance_;
    double across_;
    std::string method_;
    int rounds_;
};

const sim::Register<PlacementStrategy, TransitionAware, sim::Table&> entry{
    "transition_aware",
    "a token's next experts where its last ones were, loads within a tolerance"};

}  // namespace
}  // namespace moesim::scenarios
