#include <queue>

#include "scenarios/placements/parts.hpp"

namespace moesim::scenarios {
namespace {

/// One set of experts per GPU, the heaviest set first.
struct Partial {
    struct Set {
        double load = 0;
        std::vector<int> experts;
    };
    std::vector<Set> sets;
    std::size_t age = 0;  // equal spreads: the older one first

    [[nodiscard]] double spread() const { return sets.front().load - sets.back().load; }
    bool operator<(const Partial& other) const {
        return spread() != other.spread() ? spread() < other.spread() : age > other.age;
    }
    /// The heaviest set of the one with the lightest of the other, and so on.
    void join(Partial other) {
        for (std::size_t i = 0; i < sets.size(); ++i) {
            Set& with = other.sets[other.sets.size() - 1 - i];
            sets[i].load += with.load;
            sets[i].experts.insert(sets[i].experts.end(), with.experts.begin(), with.experts.end());
        }
        std::stable_sort(sets.begin(), sets.end(),
                         [](const Set& a, const Set& b) { return a.load > b.load; });
    }
};

std::vector<int> difference(const std::vector<double>& load, int gpus) {
    const std::vector<int> order = by_decreasing(load);
    const auto width = static_cast<std::size_t>(gpus);
    std::priority_queue<Partial> queue;
    std::size_t age = 0;
    for (; age < order.size() / width; ++age) {
        Partial one;
        one.age = age;
        for (std::size_t i = age * width; i < (age + 1) * width; ++i)
            one.sets.push_back({load[static_cast<std::size_t>(order[i])], {order[i]}});
        queue.push(std::move(one));
    }
    while (queue.size() > 1) {
        Partial a = queue.top();
        queue.pop();
        a.join(queue.top());
        queue.pop();
        a.age = age++;
        queue.push(std::move(a));
    }
    std::vector<int> gpu_of(load.size());
    for (std::size_t gpu = 0; gpu < width; ++gpu)
        for (const int e : queue.top().sets[gpu].experts)
            gpu_of[static_cast<std::size_t>(e)] = static_cast<int>(gpu);
    return gpu_of;
}

/// Differencing with equally many experts per GPU: the sorted experts are cut into runs, one expert
/// of each run to each GPU; the two runs of the largest spread are joined, heavy with light, until
/// one is left. Better than "lpt" on loads that are spread evenly, worse on skewed ones, where a
/// very hot expert is not left with the coldest. GPU speeds are not looked at.
/// Source: N. Karmarkar, R. Karp, report UCB/CSD 82/113 (1982); the balanced form of W. Michiels,
/// J. Korst, E. Aarts, J. van Leeuwen, STACS 2003 (balanced largest differencing method).
class KarmarkarKarp final : public PlacementStrategy {
public:
    explicit KarmarkarKarp(sim::Table&) {}

    std::string refuse(const PlacementInput& input) const override {
        return unusable(input, false);
    }

    Placement place(const PlacementInput& input) const override {
        std::vector<std::vector<int>> gpu_of;
        for (const std::vector<double>& load : input.weight)
            gpu_of.push_back(difference(load, input.gpus));
        return one_copy_each(gpu_of, input);
    }
};

const sim::Register<PlacementStrategy, KarmarkarKarp, sim::Table&> entry{
    "karmarkar_karp", "differencing: uneven sets joined heavy with light, equal slots"};

}  // namespace
}  // namespace moesim::scenarios
