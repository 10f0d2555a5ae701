#include "scenarios/placements/parts.hpp"
#include "scenarios/placements/swaps.hpp"

namespace moesim::scenarios {
namespace {

constexpr std::uint64_t kStream = 0xc0ac;  // keeps these draws apart from other users of the seed
constexpr std::size_t kExactWays = 5000;

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
/// co-activation graph; exact when there are at most 5,000 ways to cut it, else trades of pairs
/// from the placement of "lpt", shaken `rounds` times. GPU speeds are not looked at. Source of the
/// objective: Occult, arXiv:2505.13345; of the search: B. Kernighan, S. Lin, Bell System Technical
/// Journal 49 (1970). The default of `across` is NVLink over InfiniBand of an H800 node, 160 / 50
/// GB/s: arXiv:2412.19437, section 3.2.2. The default of `tolerance` is assumed.
class Coactivation final : public PlacementStrategy {
public:
    explicit Coactivation(sim::Table& in)
        : tolerance_{in.number("tolerance", 0, 1e3, 0.1)},
          across_{in.number("across", 1, 1e6, 3.2)},
          rounds_{static_cast<int>(in.count("rounds", 0, 4))} {}

    std::string refuse(const PlacementInput& input) const override {
        if (std::string why = unusable(input, false); !why.empty()) return why;
        return input.together.empty()
                   ? "it needs to know which experts are chosen together, and that is not known"
                   : "";
    }

    Placement place(const PlacementInput& input) const override {
        const Apart apart{input.gpus, input.nodes, across_};
        std::vector<std::vector<int>> gpu_of;
        for (std::size_t l = 0; l < input.weight.size(); ++l) {
            const Ties ties = symmetric(input.together[l]);
            const auto all = all_layouts(input.weight[l], input.gpus, tolerance_, kExactWays);
            models::Random random{kStream, input.seed, l};
            gpu_of.push_back(all ? best_of(*all, ties, apart)
                                 : search(input.weight[l], ties, apart, random));
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
                            models::Random& random) const {
        Layout best = balanced_layout(weight, apart.gpus(), tolerance_);
        Pull pull = pull_inside(best.gpu, ties, apart);
        descend(best, weight, apart, pull, &ties);
        double least = cost(best.gpu, ties, apart);
        for (int round = 0; round < rounds_; ++round) {
            Layout other = best;
            shake(other, weight, random, std::max(2, static_cast<int>(weight.size()) / 16));
            pull = pull_inside(other.gpu, ties, apart);
            descend(other, weight, apart, pull, &ties);
            if (const double c = cost(other.gpu, ties, apart); c < least) {
                least = c;
                best = std::move(other);
            }
        }
        return best.gpu;
    }

    double tolerance_;
    double across_;
    int rounds_;
};

const sim::Register<PlacementStrategy, Coactivation, sim::Table&> entry{
    "coactivation", "experts chosen together on one GPU, loads within a tolerance"};

}  // namespace
}  // namespace moesim::scenarios
