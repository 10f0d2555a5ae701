#include "models/routing_modifiers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numbers>
#include <numeric>
#include <string>
#include <utility>

#include "models/load_statistics.hpp"
#include "models/random.hpp"

namespace moesim::models {
namespace {

/// Up to the next whole number, unless it is one but for rounding.
double ceil_of(double x) { return std::ceil(x - 1e-9 * std::max(1.0, std::abs(x))); }

struct Modifiers {
    Capacity capacity;
    std::string drop = "probs";
    bool whole_group = false;
    bool pad = false;
    bool expert_choice = false;
    std::optional<DynamicK> dynamic_k;

    /// Whether assigned() has a say: all but a limit over the whole group.
    [[nodiscard]] bool per_source() const { return any() && !whole_group; }
    [[nodiscard]] bool any() const { return capacity.given() || expert_choice || dynamic_k; }
};

/// A base routing under capacity, expert choice or dynamic k.
class Modified final : public Routing {
public:
    Modified(std::unique_ptr<Routing> base, Modifiers modifiers, const RoutingShape& shape)
        : base_{std::move(base)}, modifiers_{std::move(modifiers)}, shape_{shape} {
        const auto experts = static_cast<std::size_t>(shape.experts);
        if (modifiers_.capacity.given() && !modifiers_.expert_choice && modifiers_.drop == "probs")
            weight_.emplace(shape.experts, shape.top_k, shape.seed);
        uniform_.share.assign(static_cast<std::size_t>(base_->kinds()),
                              std::vector<double>(experts, 1.0 / shape.experts));
    }

    int kinds() const override { return base_->kinds(); }
    std::vector<int> kind_of_source(int micro_batch, int sources) const override {
        return base_->kind_of_source(micro_batch, sources);
    }
    const LayerShares& layer(int moe_layer) const override {
        return modifiers_.expert_choice ? uniform_ : base_->layer(moe_layer);
    }
    bool sampled() const override {
        return base_->sampled() && !modifiers_.pad && !modifiers_.expert_choice;
    }
    bool padded() const override { return modifiers_.pad || modifiers_.expert_choice; }
    const Pairs* together(int moe_layer) const override { return base_->together(moe_layer); }
    const Pairs* follows(int moe_layer) const override { return base_->follows(moe_layer); }

    std::optional<double> group_capacity(double tokens) const override {
        if (!modifiers_.whole_group) return std::nullopt;
        return std::min(tokens, modifiers_.capacity.rows(tokens, shape_.top_k, shape_.experts));
    }
    bool drops_last() const override {
        return modifiers_.capacity.given() && modifiers_.drop == "position";
    }
    double dropped_weight(double dropped_share) const override {
        return weight_ ? weight_->lost(dropped_share) : dropped_share;
    }

    std::optional<Assigned> assigned(int moe_layer, int kind, double tokens) const override {
        if (!modifiers_.per_source()) return std::nullopt;
        const auto experts = static_cast<std::size_t>(shape_.experts);
        const double top_k = choices(moe_layer, kind);
        if (modifiers_.expert_choice) {
            Capacity capacity = modifiers_.capacity;
            if (!capacity.given()) capacity.factor = 1;
            const double each = std::min(tokens, capacity.rows(tokens, top_k, shape_.experts));
            const std::vector<double> all(experts, each);
            return Assigned{all, all, all, 0};
        }
        Assigned out;
        const auto& share = base_->layer(moe_layer).share[static_cast<std::size_t>(kind)];
        double asked = 0, kept = 0;
        const double capacity = modifiers_.capacity.given()
                                    ? modifiers_.capacity.rows(tokens, top_k, shape_.experts)
                                    : tokens;
        for (const double s : share) {
            const double mean = tokens * top_k * s;
            out.tokens.push_back(
                capacity < tokens ? expected_kept(mean, tokens, capacity, base_->sampled()) : mean);
            out.asked.push_back(mean);
            asked += mean;
            kept += out.tokens.back();
        }
        out.dropped_share = asked > 0 ? std::max(0.0, 1 - kept / asked) : 0;
        out.rows = modifiers_.pad ? std::vector<double>(experts, capacity) : out.tokens;
        return out;
    }

    nlohmann::ordered_json resolved() const override {
        nlohmann::ordered_json out = base_->resolved();
        const Modifiers& m = modifiers_;
        if (m.expert_choice) out["router"] = "expert_choice";
        if (m.capacity.factor) out["capacity_factor"] = *m.capacity.factor;
        if (m.capacity.fraction) out["capacity_fraction"] = *m.capacity.fraction;
        if (m.capacity.given() && !m.expert_choice) {
            out["drop"] = m.drop;
            out["capacity_scope"] = m.whole_group ? "group" : "rank";
            out["pad_to_capacity"] = m.pad;
        }
        if (m.dynamic_k)
            out["dynamic_k"] = {{"min", m.dynamic_k->min},
                                {"max", m.dynamic_k->max},
                                {"alpha", m.dynamic_k->alpha},
                                {"log", m.dynamic_k->bits ? "2" : "e"},
                                {"noise", m.dynamic_k->noise}};
        return out;
    }

private:
    double choices(int moe_layer, int kind) const {
        if (!modifiers_.dynamic_k) return shape_.top_k;
        const auto [at, fresh] = choices_.try_emplace({moe_layer, kind}, 0.0);
        if (fresh)
            at->second = mean_top_k(*modifiers_.dynamic_k,
                                    base_->layer(moe_layer).share[static_cast<std::size_t>(kind)],
                                    shape_.seed);
        return at->second;
    }

    std::unique_ptr<Routing> base_;
    Modifiers modifiers_;
    RoutingShape shape_;
    LayerShares uniform_;
    std::optional<WeightCurve> weight_;                      // where the lightest are dropped
    mutable std::map<std::pair<int, int>, double> choices_;  // by layer and kind
};

DynamicK read_dynamic_k(sim::Table in, const RoutingShape& shape) {
    DynamicK out;
    const auto small = [&](const char* key, std::int64_t least, std::int64_t fallback) {
        const std::int64_t k = in.count(key, least, fallback);
        if (k > shape.experts)
            in.fail(key, fmt::format("{} experts a token, the model has {}", k, shape.experts));
        return static_cast<int>(k);
    };
    out.min = small("min", 1, 1);
    out.max = small("max", 1, std::max(shape.top_k, out.min));
    if (out.max < out.min) in.fail("max", fmt::format("{} is less than min, {}", out.max, out.min));
    out.alpha = in.number("alpha", 0, 1e6, 1);
    out.bits = in.choice("log", {"2", "e"}, "2") == "2";
    out.noise = in.number("noise", 0, 10, 1);
    return out;
}

}  // namespace

int DynamicK::choices(const std::vector<double>& gate) const {
    const double h = entropy(gate) / (bits ? std::numbers::ln2 : 1);
    return static_cast<int>(std::min<double>(max, std::max<double>(min, ceil_of(alpha * h))));
}

double mean_top_k(const DynamicK& rule, const std::vector<double>& share, std::uint64_t seed) {
    if (rule.noise == 0) return rule.choices(share);
    constexpr std::uint64_t kGates = 9;  // stream of random numbers
    constexpr int kTokens = 256;
    Random random{kGates, seed};
    std::vector<double> gate(share.size());
    double sum = 0;
    for (int token = 0; token < kTokens; ++token) {
        for (std::size_t e = 0; e < share.size(); ++e) {
            // exp(noise g) = E^-noise, E from the exponential distribution
            const double time = std::max(-std::log(1 - random.uniform()), 1e-16);
            gate[e] = share[e] * std::pow(time, -rule.noise);
        }
        sum += rule.choices(gate);
    }
    return sum / kTokens;
}

WeightCurve::WeightCurve(int experts, int top_k, std::uint64_t seed) {
    constexpr std::uint64_t kWeights = 10;  // stream of random numbers
    constexpr int kTokens = 512;
    Random random{kWeights, seed};
    std::vector<double> gate(static_cast<std::size_t>(experts)), weights;
    const auto chosen = gate.begin() + std::min(top_k, experts);
    for (int token = 0; token < kTokens; ++token) {
        for (double& g : gate) g = 1 / std::max(-std::log(1 - random.uniform()), 1e-16);
        std::partial_sort(gate.begin(), chosen, gate.end(), std::greater<>());
        const double all = std::accumulate(gate.begin(), chosen, 0.0);
        for (auto g = gate.begin(); g != chosen; ++g) weights.push_back(*g / all);
    }
    std::sort(weights.begin(), weights.end());
    sum_.push_back(0);
    for (const double w : weights) sum_.push_back(sum_.back() + w);
    const double all = sum_.back();
    for (double& s : sum_) s /= all;
}

double WeightCurve::lost(double dropped_share) const {
    const double at = std::clamp(dropped_share, 0.0, 1.0) * static_cast<double>(sum_.size() - 1);
    const auto below = std::min(static_cast<std::size_t>(at), sum_.size() - 2);
    return sum_[below] + (at - static_cast<double>(below)) * (sum_[below + 1] - sum_[below]);
}

double Capacity::rows(double tokens, double top_k, int experts) const {
    if (fraction) return ceil_of(tokens * *fraction);
    return ceil_of(tokens * top_k / experts * factor.value_or(1));
}

double expected_kept(double mean, double tokens, double capacity, bool sampled) {
    const double variance = sampled ? mean * std::max(0.0, 1 - mean / tokens) : 0;
    if (!(variance > 0)) return std::min(mean, capacity);
    // E[(X - C)+] = s phi(z) + (m - C) (1 - Phi(z)) with z = (C - m) / s
    const double spread = std::sqrt(variance);
    const double z = (capacity - mean) / spread;
    const double density = std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    const double above = std::erfc(z / std::numbers::sqrt2) / 2;
    return std::clamp(mean - (spread * density + (mean - capacity) * above), 0.0,
                      std::min(mean, capacity));
}

std::unique_ptr<Routing> modified(sim::Table& in, const RoutingShape& shape,
                                  std::unique_ptr<Routing> base) {
    Modifiers m;
    for (const char* key : {"router", "capacity_factor", "capacity_fraction", "drop",
                            "capacity_scope", "pad_to_capacity", "dynamic_k"})
        if (!in.has(key)) in.ignore(key);  // known, so that a slip is told of it
    m.expert_choice = shape.expert_choice;
    if (in.has("router"))
        m.expert_choice = in.choice("router", {"token_choice", "expert_choice"}) == "expert_choice";
    if (in.has("capacity_factor")) m.capacity.factor = in.number("capacity_factor", 1e-6, 1e6);
    if (in.has("capacity_fraction")) {
        m.capacity.fraction = in.number("capacity_fraction", 1e-9, 1);
        if (m.capacity.factor)
            in.fail("capacity_fraction", "capacity_factor is given too",
                    "factor: of an even share of the choices; fraction: of the tokens");
    }
    for (const char* key : {"drop", "capacity_scope", "pad_to_capacity"})
        if (in.has(key) && !m.capacity.given())
            in.fail(key, "there is no capacity", "capacity_factor = 1.0, for example");
    if (m.capacity.given()) {
        m.drop = in.choice("drop", {"probs", "position"}, "probs");
        m.pad = in.flag("pad_to_capacity", false);
        m.whole_group = in.choice("capacity_scope", {"rank", "group"}, "rank") == "group";
    }
    if (in.has("dynamic_k")) m.dynamic_k = read_dynamic_k(in.table("dynamic_k"), shape);
    const bool outright = !base->rows(0, false, 1).empty();
    if (outright && !in.has("router")) m.expert_choice = false;
    if (m.whole_group && (m.pad || m.expert_choice || m.dynamic_k))
        in.fail("capacity_scope", "one capacity for the group goes with a fixed top-k alone",
                "without pad_to_capacity, dynamic_k and router = \"expert_choice\"");
    if (!m.any()) return base;
    if (outright)
        for (const char* key : {"capacity_factor", "capacity_fraction", "dynamic_k", "router"})
            if (in.has(key))
                in.fail(key, "the rows are given outright", "leave it out, or use another kind");
    return std::make_unique<Modified>(std::move(base), std::move(m), shape);
}

}  // namespace moesim::models
