#include "models/routing.hpp"

namespace moesim::models {

std::unique_ptr<Routing> make_routing(sim::Table& in, const RoutingShape& shape) {
    using Kinds = sim::Registry<Routing, sim::Table&, const RoutingShape&>;
    return Kinds::make(in.choice("kind", Kinds::names(), "balanced"), in, shape);
}

}  // namespace moesim::models
