#include <nlohmann/json.hpp>
#include <utility>

#include "models/routing_drift.hpp"
#include "models/sampling.hpp"
#include "models/weighted_kinds.hpp"

namespace moesim::models {
namespace {

/// Expert loads drawn from a symmetric Dirichlet distribution, in every layer anew.
///
///     concentration = 1.0   # of each expert: the loads' variation is sqrt((E - 1) / (E c + 1))
///     kinds         = 1     # load vectors of their own, of which each sequence draws one
///
/// Capped at 1 / top_k, which is an expert that every token names; the excess goes to the others in
/// proportion, so strong skew comes out weaker than the formula says.
class Dirichlet final : public WeightedKinds {
public:
    Dirichlet(sim::Table& in, const RoutingShape& shape)
        : WeightedKinds{shape.seed}, concentration_{in.number("concentration", 1e-6, 1e9, 1)} {
        constexpr std::uint64_t kLoads = 7;  // stream of random numbers
        const auto kinds = in.count("kinds", 1, 1);
        if (kinds > 4096) in.fail("kinds", "more than 4,096");
        const Drift drift = read_drift(in, shape.seed);
        weights_.assign(static_cast<std::size_t>(kinds), 1.0 / static_cast<double>(kinds));
        for (int l = 0; l < shape.moe_layers; ++l) {
            std::vector<std::vector<double>> vectors;
            for (std::size_t k = 0; k < weights_.size(); ++k) {
                Random random{kLoads, seed_, static_cast<std::uint64_t>(l), k};
                vectors.push_back(capped(dirichlet_draw(random, shape.experts, concentration_),
                                         1.0 / shape.top_k));
            }
            layers_.push_back({drift.apply(std::move(vectors), l, 1.0 / shape.top_k)});
        }
    }

    nlohmann::ordered_json resolved() const override {
        return {{"kind", "dirichlet"},
                {"concentration", concentration_},
                {"kinds", kinds()},
                {"seed", seed_}};
    }

private:
    double concentration_;
};

const sim::Register<Routing, Dirichlet, sim::Table&, const RoutingShape&> entry{
    "dirichlet", "loads drawn from a symmetric Dirichlet distribution, per layer"};

}  // namespace
}  // namespace moesim::models
