#include <fmt/format.h>

#include "scenarios/placements/partition.hpp"
#include "scenarios/placements/parts.hpp"
#include "scenarios/placements/swaps.hpp"

namespace moesim::scenarios {
namespace {

constexpr std::uint64_t kStream = 0xc0ac;  // keeps these draws apart from other users of the seed
constexpr double kAutoWays = 5e3, kMostWays = 2e6;

/// Both directions of each pair together, halved, so that a lopsided table counts in full.
Ties symmetric(const Ties& together) {
    Ties out = together;
    for (std::size_t a = 0; a < out.size(); ++a)
        for (std::size_t b = 0; b < out.size(); ++b)
            out[a][b] = a == b ? 0 : (together[a][b] + together[b][a]) / 2;
    return out;
}

double cost(const std::vector<int>& gpu, const Ties& ties, const Apart& apart) {
    double out = 0;
    for (std::size_t a = 0; a < gpu.size(); ++a)
        for (std::size_t b = a + 1; b < gpu.size(); ++b) out += ties[a][b] * apart(gpu[a], gpu[b]);
    return out;
}

Pull pull_inside(const std::vector<int>& gpu, const Ties& ties, const Apart& apart) {
    Ties to_gpu(static_cast<std::size_t>(apart.gpus()), std::vector<double>(gpu.size()));
    add_rows(to_gpu, ties, gpu);
    return {apart, to_gpu};
}

/// Experts that one token often chooses together, on one GPU, else in one node.
///
/// Objective: the least sum over pairs of (times chosen together) x (0 on one GPU, 1 in one node,
/// `across` otherwise), with equally many experts per GPU and no GPU loaded more than `tolerance`
/// above the mean (or above what "lpt" reaches, when that is more). The balanced partition of the
/// co-activation graph. `method`: "exact" looks at every way to cut it; "metis" is METIS's
/// partition into nodes and then GPUs, improved by trades of pairs; "search" is such trades from
/// the placement of "lpt"; "auto" is "exact" where there are at most 5,000 ways, else the better of
/// the other two. The last three are shaken `rounds` times. GPU speeds are not looked at. Source of
/// the objective: Occult, arXiv:2505.13345; of the trades: B. Kernighan, S. Lin, Bell System
/// Technical Journal 49 (1970). The default of `across` is NVLink over InfiniBand of an H800 node,
/// 160 / 50 GB/s: arXiv:2412.19437, section 3.2.2. The default of `tolerance` is assumed.
class Coactivation final : public PlacementStrategy {
public:
    explicit Coactivation(sim::Table& in)
        : tolerance_{in.number("tolerance", 0, 1e3, 0.1)},
          across_{in.number("across", 1, 1e6, 3.2)},
          method_{in.choice("method", {"auto", "exact", "metis", "search"}, "auto")},
          rounds_{static_cast<int>(in.count("rounds", 0, 4))} {}

    bool looks_at_pairs() const override { return true; }

    std::string refuse(const PlacementInput& input) const override {
        if (std::string why = unusable(input, false); !why.empty()) return why;
        if (input.together.empty())
            return "it needs to know which experts are chosen together, and that is not known";
        const auto experts = static_cast<int>(input.weight.front().size());
        if (method_ == "exact" && ways(experts, input.gpus) > kMostWays)
            return fmt::format("\"exact\" would look at {:.1e} placements of each layer",
                               ways(experts, input.gpus));
        return {};
    }

    Placement place(const PlacementInput& input) const override {
        const Apart apart{input.gpus, input.nodes, across_};
        std::vector<std::vector<int>> gpu_of;
        for (std::size_t l = 0; l < input.weight.size(); ++l) {
            const Ties ties = symmetric(input.together[l]);
            const double most = method_ == "auto" ? kAutoWays : method_ == "exact" ? kMostWays : 0;
            const auto all = all_layouts(input.weight[l], input.gpus, tolerance_,
                                         static_cast<std::size_t>(most));
            models::Random random{kStream, input.seed, l};
            gpu_of.push_back(all ? best_of(*all, ties, apart)
                                 : search(input.weight[l], ties, apart, random, input.seed));
        }
        return one_copy_each(gpu_of, input);
    }

private:
    static std::vector<int> best_of(const std::vector<std::vector<int>>& all, const Ties& ties,
                                    const Apart& apart) {
        return *std::min_element(all.begin(), all.end(), [&](const auto& a, const auto& b) {
            return cost(a, ties, apart) < cost(b, ties, apart);
        });
    }

    std::vector<int> search(const std::vector<double>& weight, const Ties& ties, const Apart& apart,
                            models::Random& random, std::uint64_t seed) const {
        const auto improved = [&](Layout layout) {
            Pull pull = pull_inside(layout.gpu, ties, apart);
            descend(layout, weight, apart, pull, &ties);
            return layout;
        };
        std::optional<Layout> best;
        double least = 0;
        const auto consider = [&](Layout layout) {
            const double c = cost(layout.gpu, ties, apart);
            if (best && c >= least) return;
            least = c;
            best = std::move(layout);
        };
        if (method_ != "search")
            if (auto cut = partitioned_layout(ties, weight, apart, tolerance_, seed))
                consider(improved(*std::move(cut)));
        if (method_ != "metis" || !best)
            consider(improved(balanced_layout(weight, apart.gpus(), tolerance_)));
        for (int round = 0; round < rounds_; ++round) {
            Layout other = *best;
            shake(other, weight, random, std::max(2, static_cast<int>(weight.size()) / 16));
            consider(improved(std::move(other)));
        }
        return best->gpu;
    }

    double tolerance_;
    double across_;
    std::string method_;
    int rounds_;
};

const sim::Register<PlacementStrategy, Coactivation, sim::Table&> entry{
    "coactivation", "experts chosen together on one GPU, loads within a tolerance"};

}  // namespace
}  // namespace moesim::scenarios
