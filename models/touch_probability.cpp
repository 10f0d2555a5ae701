#include "models/touch_probability.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "models/random.hpp"

namespace moesim::models {
namespace {

/// The few least of a run of times, with their places.
class Least {
public:
    struct Item {
        float time;
        int place;
    };
    explicit Least(int keep) : items_(static_cast<std::size_t>(keep)) {}
    void clear() {
        std::fill(items_.begin(), items_.end(), Item{std::numeric_limits<float>::infinity(), -1});
    }
    void offer(float time, int place) {
        if (!(time < items_.back().time)) return;
        std::size_t i = items_.size() - 1;
        for (; i > 0 && time < items_[i - 1].time; --i) items_[i] = items_[i - 1];
        items_[i] = {time, place};
    }
    [[nodiscard]] const std::vector<Item>& items() const { return items_; }

private:
    std::vector<Item> items_;
};

}  // namespace

TouchSampler::TouchSampler(const RoutingShape& shape, int tokens, int fit_rounds)
    : shape_{shape}, tokens_{tokens}, fit_rounds_{fit_rounds} {
    constexpr std::uint64_t kTimes = 8;  // stream of random numbers
    assert(shape.top_k <= shape.experts / shape.groups * shape.group_limit && "enough experts");
    Random random{kTimes, shape.seed};
    times_.resize(static_cast<std::size_t>(tokens) * static_cast<std::size_t>(shape.experts));
    for (float& t : times_) t = static_cast<float>(-std::log(1 - random.uniform()));
}

const std::vector<double>& TouchSampler::get(const std::vector<double>& share,
                                             const std::vector<int>& domain_of_expert,
                                             int domains) {
    const auto [at, fresh] = kept_.try_emplace(Key{share, domain_of_expert});
    if (fresh) at->second = count(weights(share), domain_of_expert, domains);
    return at->second;
}

std::vector<double> TouchSampler::weights(const std::vector<double>& share) const {
    const auto weight = [](double chosen) {
        return -std::log1p(-std::clamp(chosen, 1e-12, 1 - 1e-9));
    };
    std::vector<double> out;
    for (const double s : share) out.push_back(weight(shape_.top_k * s));
    std::vector<int> own(share.size());
    std::iota(own.begin(), own.end(), 0);
    for (int round = 0; round < fit_rounds_; ++round) {
        const auto chosen = count(out, own, shape_.experts);
        for (std::size_t e = 0; e < share.size(); ++e) {
            // one token more and less, so that an expert not drawn at all stays finite
            const double drawn = std::clamp(chosen[e], 1.0 / tokens_, 1 - 1.0 / tokens_);
            const double asked =
                std::clamp(shape_.top_k * share[e], 1.0 / tokens_, 1 - 1.0 / tokens_);
            out[e] *= weight(asked) / weight(drawn);
        }
    }
    return out;
}

std::vector<double> TouchSampler::count(const std::vector<double>& weight,
                                        const std::vector<int>& domain_of_expert,
                                        int domains) const {
    const auto experts = static_cast<std::size_t>(shape_.experts);
    assert(weight.size() == experts && domain_of_expert.size() == experts && "one per expert");
    // scaled so that equal shares have weight 1 and their scores are uniform
    const double even = -std::log1p(-std::min(1.0 * shape_.top_k / shape_.experts, 1 - 1e-9));
    std::vector<float> slowness(experts);
    for (std::size_t e = 0; e < experts; ++e) slowness[e] = static_cast<float>(even / weight[e]);
    const bool limited = shape_.group_limit < shape_.groups;
    const int size = shape_.experts / shape_.groups;
    Least chosen{shape_.top_k}, groups{shape_.group_limit};
    Least of_group{std::max(1, shape_.top_k / shape_.group_limit)};
    std::vector<float> time(experts);
    std::vector<int> touched(static_cast<std::size_t>(domains), 0);
    std::vector<int> seen(static_cast<std::size_t>(domains), -1);
    const auto offer = [&](int begin, int end, Least& to) {
        for (int e = begin; e < end; ++e) to.offer(time[static_cast<std::size_t>(e)], e);
    };
    for (int token = 0; token < tokens_; ++token) {
        const float* const drawn = times_.data() + static_cast<std::size_t>(token) * experts;
        for (std::size_t e = 0; e < experts; ++e) time[e] = drawn[e] * slowness[e];
        chosen.clear();
        if (!limited) {
            offer(0, shape_.experts, chosen);
        } else {
            groups.clear();
            for (int g = 0; g < shape_.groups; ++g) {
                of_group.clear();
                offer(g * size, (g + 1) * size, of_group);
                float score = 0;
                for (const auto& item : of_group.items()) score += std::exp(-item.time);
                groups.offer(-score, g);
            }
            for (const auto& group : groups.items())
                offer(group.place * size, (group.place + 1) * size, chosen);
        }
        for (const auto& item : chosen.items()) {
            const auto domain =
                static_cast<std::size_t>(domain_of_expert[static_cast<std::size_t>(item.place)]);
            if (std::exchange(seen[domain], token) != token) ++touched[domain];
        }
    }
    std::vector<double> out;
    for (const int t : touched) out.push_back(double{1} * t / tokens_);
    return out;
}

std::vector<double> touch_probability(const RoutingShape& shape, const std::vector<double>& share,
                                      const std::vector<int>& domain_of_expert, int domains,
                                      int tokens, int fit_rounds) {
    return TouchSampler{shape, tokens, fit_rounds}.get(share, domain_of_expert, domains);
}

}  // namespace moesim::models
