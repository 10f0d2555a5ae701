#include "models/group_limited.hpp"

#include <algorithm>
#include <cassert>

#include "models/random.hpp"

namespace moesim::models {
namespace {

using Score = std::uint32_t;

/// Chance that none of k distinct experts out of E is one of n: C(E - n, k) / C(E, k).
double missed(int experts, int n, int top_k) {
    double out = 1;
    for (int i = 0; i < top_k; ++i)
        out *= std::max(0.0, double{1} * experts - n - i) / (experts - i);
    return out;
}

int domain_count(const std::vector<int>& domain_of_slot) {
    return 1 + *std::max_element(domain_of_slot.begin(), domain_of_slot.end());
}

double distinct_without_groups(const std::vector<int>& domain_of_slot, int top_k) {
    std::vector<int> experts(static_cast<std::size_t>(domain_count(domain_of_slot)));
    for (const int domain : domain_of_slot) ++experts[static_cast<std::size_t>(domain)];
    double out = 0;
    for (const int n : experts)
        out += 1 - missed(static_cast<int>(domain_of_slot.size()), n, top_k);
    return out;
}

/// With `per_group` choices in each group: a domain is missed when every group misses it.
double distinct_per_group(const RoutingShape& shape, const std::vector<int>& domain_of_slot) {
    const auto size = static_cast<std::size_t>(shape.experts / shape.groups);
    std::vector<double> absent(static_cast<std::size_t>(domain_count(domain_of_slot)), 1.0);
    for (std::size_t first = 0; first < domain_of_slot.size(); first += size) {
        std::vector<int> experts(absent.size());
        for (std::size_t e = first; e < first + size; ++e)
            ++experts[static_cast<std::size_t>(domain_of_slot[e])];
        for (std::size_t d = 0; d < absent.size(); ++d)
            absent[d] *= missed(static_cast<int>(size), experts[d], shape.per_group);
    }
    double out = 0;
    for (const double miss : absent) out += 1 - miss;
    return out;
}

/// The greatest few of a run of positive scores, with their places, in falling order.
class Best {
public:
    struct Item {
        std::uint64_t score = 0;
        int place = -1;
    };
    explicit Best(int keep) : items_(static_cast<std::size_t>(keep)) {}
    void clear() { std::fill(items_.begin(), items_.end(), Item{}); }
    void offer(std::uint64_t score, int place) {
        if (score <= items_.back().score) return;
        std::size_t i = items_.size() - 1;
        for (; i > 0 && score > items_[i - 1].score; --i) items_[i] = items_[i - 1];
        items_[i] = {score, place};
    }
    [[nodiscard]] const std::vector<Item>& items() const { return items_; }

private:
    std::vector<Item> items_;
};

/// Draws the choices of one token after another.
class Chooser {
public:
    explicit Chooser(const RoutingShape& shape)
        : size_{shape.experts / shape.groups},
          score_(static_cast<std::size_t>(shape.experts)),
          of_group_{std::max(1, shape.top_k / shape.group_limit)},
          groups_{shape.group_limit},
          chosen_{shape.top_k},
          random_{kScores, shape.seed} {}

    const std::vector<Best::Item>& next() {
        for (std::size_t e = 0; e < score_.size(); e += 2) {
            const std::uint64_t bits = random_.bits();
            score_[e] = static_cast<Score>(bits) | 1;  // positive, as Best wants it
            if (e + 1 < score_.size()) score_[e + 1] = static_cast<Score>(bits >> 32) | 1;
        }
        groups_.clear();
        const int groups = static_cast<int>(score_.size()) / size_;
        for (int g = 0; g < groups; ++g) groups_.offer(group_score(g), g);
        chosen_.clear();
        for (const auto& group : groups_.items()) offer_group(group.place, chosen_);
        return chosen_.items();
    }

private:
    static constexpr std::uint64_t kScores = 3;  // stream of random numbers

    void offer_group(int group, Best& to) const {
        for (int e = group * size_; e < (group + 1) * size_; ++e)
            to.offer(score_[static_cast<std::size_t>(e)], e);
    }
    std::uint64_t group_score(int group) {
        of_group_.clear();
        offer_group(group, of_group_);
        std::uint64_t sum = 0;
        for (const auto& item : of_group_.items()) sum += item.score;
        return sum;
    }

    int size_;
    std::vector<Score> score_;
    Best of_group_, groups_, chosen_;
    Random random_;
};

/// Counts how many different domains a token's choices name.
class Counter {
public:
    explicit Counter(const std::vector<int>& domain_of_slot)
        : domain_{domain_of_slot},
          seen_(static_cast<std::size_t>(domain_count(domain_of_slot)), -1) {}
    int count(const std::vector<Best::Item>& chosen, int token) {
        int out = 0;
        for (const auto& item : chosen) {
            int& seen =
                seen_[static_cast<std::size_t>(domain_[static_cast<std::size_t>(item.place)])];
            out += seen != token ? 1 : 0;
            seen = token;
        }
        return out;
    }

private:
    const std::vector<int>& domain_;
    std::vector<int> seen_;  // [domains] last token that touched it
};

}  // namespace

double uniform_distinct(int experts, int domains, int top_k) {
    return domains * (1 - missed(experts, experts / domains, top_k));
}

Distinct expected_distinct(const RoutingShape& shape, const std::vector<int>& node_of_slot,
                           const std::vector<int>& gpu_of_slot, int tokens) {
    assert(node_of_slot.size() == static_cast<std::size_t>(shape.experts) && "one slot per expert");
    assert(gpu_of_slot.size() == static_cast<std::size_t>(shape.experts) && "one slot per expert");
    assert(shape.top_k <= shape.experts / shape.groups * shape.group_limit && "enough experts");
    if (shape.per_group > 0)
        return {distinct_per_group(shape, node_of_slot), distinct_per_group(shape, gpu_of_slot)};
    if (shape.group_limit >= shape.groups)
        return {distinct_without_groups(node_of_slot, shape.top_k),
                distinct_without_groups(gpu_of_slot, shape.top_k)};
    Chooser chooser{shape};
    Counter nodes{node_of_slot}, gpus{gpu_of_slot};
    double node_sum = 0, gpu_sum = 0;
    for (int token = 0; token < tokens; ++token) {
        const auto& chosen = chooser.next();
        node_sum += nodes.count(chosen, token);
        gpu_sum += gpus.count(chosen, token);
    }
    return {node_sum / tokens, gpu_sum / tokens};
}

}  // namespace moesim::models
