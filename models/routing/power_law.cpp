#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "models/routing_drift.hpp"
#include "models/sampling.hpp"
#include "models/weighted_kinds.hpp"

namespace moesim::models {
namespace {

/// One draw from the density x^-alpha between 1 and `most`, by its inverse distribution function.
double power_law_draw(double uniform, double alpha, double most) {
    const double power = 1 - alpha;
    if (std::abs(power) < 1e-9) return std::pow(most, uniform);  // the limit, density 1/x
    const double top = std::pow(most, power);
    return std::pow((top - 1) * uniform + 1, 1 / power);
}

/// Expert loads drawn from a truncated power law.
///
///     alpha     = 1.2     # 1.01: DeepSeek-V3 family, 0.6: prefill under EPLB, in aiconfigurator
///     tokens    = 4096    # the law ends at 0.8 of them: the greatest count an expert can draw
///     kinds     = 1       # load vectors of their own, of which each sequence draws one
///     per_layer = true    # every layer draws anew; false: one draw, dealt anew by every layer
///
/// The draws are scaled to sum 1 and capped at 1 / top_k, which is an expert that every token
/// names; the excess goes to the others in proportion. Source: ai-dynamo/aiconfigurator, collector,
/// power_law_logits_v3. Left out: its swap that puts the hottest rank first, its integer rounding,
/// and its other limits (0.01 to 2) for fewer choices than experts.
class PowerLaw final : public WeightedKinds {
public:
    PowerLaw(sim::Table& in, const RoutingShape& shape)
        : WeightedKinds{shape.seed},
          alpha_{in.number("alpha", 0, 20, 1.2)},
          tokens_{in.number("tokens", 2, 1e12, 4096)},
          per_layer_{in.flag("per_layer", true)} {
        const auto kinds = in.count("kinds", 1, 1);
        if (kinds > 4096) in.fail("kinds", "more than 4,096");
        const Drift drift = read_drift(in, shape.seed);
        weights_.assign(static_cast<std::size_t>(kinds), 1.0 / static_cast<double>(kinds));
        for (int l = 0; l < shape.moe_layers; ++l) {
            std::vector<std::vector<double>> vectors;
            for (std::size_t k = 0; k < weights_.size(); ++k)
                vectors.push_back(draw(shape, per_layer_ ? l : 0, k));
            layers_.push_back({drift.apply(dealt(vectors, seed_, l), l, 1.0 / shape.top_k)});
        }
    }

    nlohmann::ordered_json resolved() const override {
        return {{"kind", "power_law"}, {"alpha", alpha_},         {"tokens", tokens_},
                {"kinds", kinds()},    {"per_layer", per_layer_}, {"seed", seed_}};
    }

private:
    std::vector<double> draw(const RoutingShape& shape, int layer, std::size_t kind) const {
        constexpr std::uint64_t kLoads = 6;  // stream of random numbers
        Random random{kLoads, seed_, static_cast<std::uint64_t>(layer), kind};
        std::vector<double> out;
        for (int e = 0; e < shape.experts; ++e)
            out.push_back(power_law_draw(random.uniform(), alpha_, 0.8 * tokens_));
        return capped(std::move(out), 1.0 / shape.top_k);
    }

    double alpha_, tokens_;
    bool per_layer_;
};

const sim::Register<Routing, PowerLaw, sim::Table&, const RoutingShape&> entry{
    "power_law", "loads drawn from a truncated power law, per layer"};

}  // namespace
}  // namespace moesim::models
