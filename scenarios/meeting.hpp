#pragma once

#include <algorithm>
#include <utility>
#include <vector>

namespace moesim::scenarios {

/// Chances that a token has at least one of its experts in each domain (a rank, a node), as if its
/// choices were independent.
class Meeting {
public:
    /// `last`: of the tokens that an expert cannot take the last ones go, so each expert keeps the
    /// first tokens. The token at u, uniform in (0, 1), then has the experts that keep more than u.
    /// Else every token keeps each of its choices with the expert's share.
    Meeting(std::size_t domains, bool last)
        : last_{last}, missed_(domains, 1.0), met_(last ? domains : 0) {}

    /// An expert in a domain: a token's chance to choose it, and the share of tokens it keeps.
    void add(std::size_t domain, double chance, double kept) {
        missed_[domain] *= 1 - std::min(1.0, chance * kept);
        if (last_) met_[domain].emplace_back(kept, std::min(1.0, chance));
    }

    /// 1 - prod (1 - chance kept), or the integral over u of 1 - prod (1 - chance) over the experts
    /// that keep more than u.
    [[nodiscard]] double chance(std::size_t domain) {
        if (!last_) return 1 - missed_[domain];
        auto& met = met_[domain];
        std::sort(met.begin(), met.end());
        double out = 0, missed = 1;
        for (std::size_t i = met.size(); i-- > 0;) {
            missed *= 1 - met[i].second;
            out += (met[i].first - (i > 0 ? met[i - 1].first : 0)) * (1 - missed);
        }
        return out;
    }

private:
    bool last_;
    std::vector<double> missed_;
    std::vector<std::vector<std::pair<double, double>>> met_;  // [domains][experts] kept, chance
};

}  // namespace moesim::scenarios
