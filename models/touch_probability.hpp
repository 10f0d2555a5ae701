#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "models/routing.hpp"

namespace moesim::models {

/// Chance that a token has at least one expert in each domain, for skewed loads, by drawing tokens.
///
/// A token draws exponential times E_e and expert e scores exp(-E_e / w_e): the top_k greatest
/// scores are Gumbel top-k with logits ln w. Groups as in models/group_limited.hpp, and for equal
/// shares the scores are uniform as there. The weights are w_e = -ln(1 - q_e) with q_e = top_k
/// share_e, not the shares themselves: the k-th time is nearly the same for every token, so an
/// expert is chosen with 1 - exp(-const w_e), and logits ln share would leave an expert that was
/// counted in 98 % of the tokens with 69 %. Where groups are left out, that rule changes the loads;
/// `fit_rounds` draws beforehand correct the weights until the drawn loads are those given (8 are
/// enough for OLMoE's), each as long as the answer itself.
/// Source of the draw: W. Kool, H. van Hoof, M. Welling, ICML 2019 (Gumbel top-k).
///
/// All vectors see the same seeded draws, so differences between them are less noisy than each; the
/// spread of one probability is below 0.5 / sqrt(tokens).
class TouchSampler {
public:
    explicit TouchSampler(const RoutingShape& shape, int tokens = 2000, int fit_rounds = 0);

    /// Per-domain chances. [domains]   share  [experts], sums to 1
    /// domain_of_expert  [experts], 0 .. domains - 1
    /// Answers for the same arguments are kept.
    const std::vector<double>& get(const std::vector<double>& share,
                                   const std::vector<int>& domain_of_expert, int domains);

private:
    std::vector<double> weights(const std::vector<double>& share) const;
    /// [domains] Share of tokens that touch each domain.
    std::vector<double> count(const std::vector<double>& weight,
                              const std::vector<int>& domain_of_expert, int domains) const;

    RoutingShape shape_;
    int tokens_, fit_rounds_;
    std::vector<float> times_;  // [tokens][experts]
    using Key = std::pair<std::vector<double>, std::vector<int>>;
    std::map<Key, std::vector<double>> kept_;
};

/// The same for one vector; builds the draws anew.
std::vector<double> touch_probability(const RoutingShape& shape, const std::vector<double>& share,
                                      const std::vector<int>& domain_of_expert, int domains,
                                      int tokens = 2000, int fit_rounds = 0);

}  // namespace moesim::models
