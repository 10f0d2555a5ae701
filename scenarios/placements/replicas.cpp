#include "scenarios/placements/replicas.hpp"

#include <fmt/format.h>

#include <limits>
#include <numeric>
#include <queue>

#include "scenarios/placements/parts.hpp"

namespace moesim::scenarios {
namespace {

struct Candidate {
    float load;  // per replica
    int expert;
    bool operator<(const Candidate& other) const {
        return load != other.load ? load < other.load : expert > other.expert;
    }
};

}  // namespace

std::string unreplicable(const PlacementInput& input) {
    if (std::string why = unusable(input, true); !why.empty()) return why;
    for (std::size_t l = 0; l < input.weight.size(); ++l) {
        const auto& row = input.weight[l];
        if (std::accumulate(row.begin(), row.end(), 0.0) > std::numeric_limits<float>::max() / 2)
            return fmt::format("the loads of layer {} are beyond single precision", l);
    }
    return {};
}

std::vector<float> Replicas::load(const std::vector<float>& of_expert) const {
    std::vector<float> out;
    out.reserve(expert.size());
    for (const int e : expert) {
        const auto i = static_cast<std::size_t>(e);
        out.push_back(of_expert[i] / static_cast<float>(count[i]));
    }
    return out;
}

Replicas replicate(const std::vector<float>& load, int slots) {
    const std::size_t experts = load.size();
    Replicas out{std::vector<int>(experts), std::vector<int>(experts),
                 std::vector<int>(experts, 1)};
    std::iota(out.expert.begin(), out.expert.end(), 0);
    std::priority_queue<Candidate> queue;
    for (std::size_t e = 0; e < experts; ++e) queue.push({load[e], static_cast<int>(e)});
    while (static_cast<int>(out.expert.size()) < slots) {
        const int e = queue.top().expert;
        queue.pop();
        int& count = out.count[static_cast<std::size_t>(e)];
        out.expert.push_back(e);
        out.rank.push_back(count++);
        queue.push({load[static_cast<std::size_t>(e)] / static_cast<float>(count), e});
    }
    return out;
}

}  // namespace moesim::scenarios
