#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "sim/input.hpp"
#include "sim/registry.hpp"

namespace moesim::models {

/// Load vectors of one MoE layer. [kinds][experts]; each sums to 1.
struct LayerShares {
    std::vector<std::vector<double>> share;
};

/// What a routing must fit: the experts of a model's MoE layers.
struct RoutingShape {
    int experts = 0;
    int top_k = 0;
    int groups = 1;
    int group_limit = 1;
    int moe_layers = 0;
    std::uint64_t seed = 0;
    bool bias_balanced = false;  // default of the key of that name: the router has a balancing bias
};

/// Where tokens go in the MoE layers, for a set of sources (ranks) that each carry one or more
/// sequences. Sequences are grouped into kinds (a domain of text, a trace, ...) that share one load
/// vector. The same shape and table give the same answers, whatever the order of asking.
class Routing {
public:
    virtual ~Routing() = default;
    [[nodiscard]] virtual int kinds() const = 0;
    /// Kind of each source's sequence in a micro-batch, the same in all layers. [sources]
    [[nodiscard]] virtual std::vector<int> kind_of_source(int micro_batch, int sources) const = 0;
    /// Load vectors of an MoE layer (0: the first MoE layer). Lives as long as the routing.
    [[nodiscard]] virtual const LayerShares& layer(int moe_layer) const = 0;
    /// True: counts scatter around the shares like a multinomial of that many choices; false: they
    /// are the shares times the choices.
    [[nodiscard]] virtual bool sampled() const { return false; }
    /// Rows that reach a rank's experts in one pass of a layer, when given outright; else empty.
    /// [ranks], or [1] for all ranks alike.
    [[nodiscard]] virtual std::vector<double> rows(int moe_layer, bool backward, int ranks) const {
        static_cast<void>(moe_layer);
        static_cast<void>(backward);
        static_cast<void>(ranks);
        return {};
    }
    [[nodiscard]] virtual nlohmann::ordered_json resolved() const = 0;
};

/// The routing that a [routing] table asks for (`kind`, "balanced" when absent). Does not finish()
/// the table. Throws sim::InputError.
std::unique_ptr<Routing> make_routing(sim::Table& in, const RoutingShape& shape);

}  // namespace moesim::models
