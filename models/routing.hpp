#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string_view>
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
    bool expert_choice = false;  // default of the key `router`: experts choose their tokens
    int per_group = 0;           // exactly so many choices in every group; 0: no such rule
    int mtp_layers = 0;          // of moe_layers, the last ones: recorders rarely hold them
};

/// How often two experts were named by one token. [experts][experts]
struct Pairs {
    int experts = 0;
    std::vector<double> count;  // row-major

    [[nodiscard]] double at(int from, int to) const {
        return count[static_cast<std::size_t>(from) * static_cast<std::size_t>(experts) +
                     static_cast<std::size_t>(to)];
    }
};

/// What one source's tokens bring to each expert in one pass, where rules beyond a fixed top-k
/// without a limit (capacity, expert choice, dynamic k) decide it.
struct Assigned {
    std::vector<double> rows;    // [experts] rows received and computed, padding included
    std::vector<double> tokens;  // [experts] real tokens among them
    std::vector<double> asked;   // [experts] assignments of the router, before anything is dropped
    double dropped_share = 0;    // of the router's assignments, those that no expert takes
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
    /// True: every expert computes equally many rows whatever the tokens choose, so that shapes are
    /// known before they do.
    [[nodiscard]] virtual bool padded() const { return false; }
    /// Rows that reach a rank's experts in one pass of a layer, when given outright; else empty.
    /// [ranks], or [1] for all ranks alike.
    [[nodiscard]] virtual std::vector<double> rows(int moe_layer, bool backward, int ranks) const {
        static_cast<void>(moe_layer);
        static_cast<void>(backward);
        static_cast<void>(ranks);
        return {};
    }
    /// Expected rows and tokens per expert of a source of `kind` with `tokens` tokens; absent when
    /// they are just tokens x top_k x share.
    [[nodiscard]] virtual std::optional<Assigned> assigned(int moe_layer, int kind,
                                                           double tokens) const {
        static_cast<void>(moe_layer);
        static_cast<void>(kind);
        static_cast<void>(tokens);
        return std::nullopt;
    }
    /// Capacity of an expert over all sources of a group together, with `tokens` tokens in all;
    /// absent when there is none or each source has its own, which assigned() applies.
    [[nodiscard]] virtual std::optional<double> group_capacity(double tokens) const {
        static_cast<void>(tokens);
        return std::nullopt;
    }
    /// True: of what exceeds a capacity the last tokens go (of the last sources, for a group
    /// capacity). False: those with the least router weight.
    [[nodiscard]] virtual bool drops_last() const { return false; }
    /// Share of an expert's router weight that goes with that share of its assignments.
    [[nodiscard]] virtual double dropped_weight(double dropped_share) const {
        return dropped_share;
    }
    /// Tokens that named expert i and expert j in an MoE layer, all kinds together: symmetric, the
    /// diagonal holds an expert's own count. Null where nobody counted. Lives as long as the
    /// routing.
    [[nodiscard]] virtual const Pairs* together(int moe_layer) const {
        static_cast<void>(moe_layer);
        return nullptr;
    }
    /// (Expert i in this MoE layer, expert j in the next) of one token, all k x k. Null as above,
    /// and for the last layer.
    [[nodiscard]] virtual const Pairs* follows(int moe_layer) const {
        static_cast<void>(moe_layer);
        return nullptr;
    }
    /// True: touches() counts real tokens. False: the caller works from the shares.
    [[nodiscard]] virtual bool exact_touches() const { return false; }
    /// Share of a kind's tokens with at least one of their experts in each domain. [domains]
    /// domain_of_expert  [experts], 0 .. domains - 1. Only where exact_touches().
    [[nodiscard]] virtual std::vector<double> touches(int moe_layer, int kind,
                                                      const std::vector<int>& domain_of_expert,
                                                      int domains) const {
        static_cast<void>(moe_layer);
        static_cast<void>(kind);
        static_cast<void>(domain_of_expert);
        static_cast<void>(domains);
        return {};
    }
    [[nodiscard]] virtual nlohmann::ordered_json resolved() const = 0;
};

/// The routing that a [routing] table asks for (`kind`, "balanced" when absent), with the modifiers
/// of models/routing_modifiers.hpp. Does not finish() the table. Throws sim::InputError.
std::unique_ptr<Routing> make_routing(sim::Table& in, const RoutingShape& shape);

/// The same without modifiers: what a kind that starts from another one (`base`) reads.
std::unique_ptr<Routing> make_source(sim::Table& in, const RoutingShape& shape,
                                     std::string_view fallback = "balanced");

}  // namespace moesim::models
