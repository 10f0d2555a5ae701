#include "models/weighted_kinds.hpp"

#include "models/random.hpp"

namespace moesim::models {

std::vector<int> WeightedKinds::kind_of_source(int micro_batch, int sources) const {
    constexpr std::uint64_t kDomains = 1;  // stream of random numbers
    std::vector<int> out;
    for (int source = 0; source < sources; ++source) {
        Random random{kDomains, seed_, static_cast<std::uint64_t>(micro_batch),
                      static_cast<std::uint64_t>(source)};
        double left = random.uniform();
        std::size_t kind = 0;
        while (kind + 1 < weights_.size() && left >= weights_[kind]) left -= weights_[kind++];
        out.push_back(static_cast<int>(kind));
    }
    return out;
}

}  // namespace moesim::models
