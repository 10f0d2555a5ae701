#include "models/routing.hpp"

#include <utility>

#include "models/per_group.hpp"
#include "models/routing_modifiers.hpp"

namespace moesim::models {

std::unique_ptr<Routing> make_source(sim::Table& in, const RoutingShape& shape,
                                     std::string_view fallback) {
    using Kinds = sim::Registry<Routing, sim::Table&, const RoutingShape&>;
    return Kinds::make(in.choice("kind", Kinds::names(), fallback), in, shape);
}

std::unique_ptr<Routing> make_routing(sim::Table& in, const RoutingShape& shape) {
    std::unique_ptr<Routing> source = per_group(shape, make_source(in, shape));
    return modified(in, shape, std::move(source));
}

}  // namespace moesim::models
