#include <nlohmann/json.hpp>

#include "models/routing.hpp"

namespace moesim::models {
namespace {

/// Every expert gets the same share of every sequence: what force-balanced benchmarks route.
class Balanced final : public Routing {
public:
    Balanced(sim::Table&, const RoutingShape& shape) {
        const auto experts = static_cast<std::size_t>(shape.experts);
        uniform_.share = {std::vector<double>(experts, 1.0 / shape.experts)};
    }
    int kinds() const override { return 1; }
    std::vector<int> kind_of_source(int, int sources) const override {
        return std::vector<int>(static_cast<std::size_t>(sources), 0);
    }
    const LayerShares& layer(int) const override { return uniform_; }
    nlohmann::ordered_json resolved() const override { return {{"kind", "balanced"}}; }

private:
    LayerShares uniform_;
};

const sim::Register<Routing, Balanced, sim::Table&, const RoutingShape&> entry{
    "balanced", "every expert gets the same share"};

}  // namespace
}  // namespace moesim::models
