#include "scenarios/loads.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "models/group_limited.hpp"
#include "models/random.hpp"

namespace moesim::scenarios {
namespace {

double mean(const std::vector<double>& v) {
    return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

/// [domains] chance that a token touches a domain, from its inclusion probabilities.
std::vector<double> touches(const std::vector<double>& chosen, const std::vector<int>& domain,
                            int domains, double scale) {
    std::vector<double> missed(static_cast<std::size_t>(domains), 1.0);
    for (std::size_t e = 0; e < chosen.size(); ++e)
        missed[static_cast<std::size_t>(domain[e])] *= 1 - chosen[e];
    for (double& m : missed) m = std::min(1.0, scale * (1 - m));
    return missed;
}

double gauss(models::Random& random) {
    const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
    return radius * std::cos(2 * std::numbers::pi * random.uniform());
}

}  // namespace

double ExchangeLoad::max_over_mean() const {
    const double m = mean(rows);
    return m > 0 ? *std::max_element(rows.begin(), rows.end()) / m : 1;
}

Loads::Loads(const Scenario& scenario, const std::vector<int>& gpus)
    : scenario_{scenario}, members_{static_cast<int>(gpus.size())} {
    std::map<int, int> nodes;
    for (const int gpu : gpus) {
        const int node = scenario.cluster.node_of(gpu);
        shape_.node.push_back(nodes.try_emplace(node, static_cast<int>(nodes.size())).first->second);
        shape_.local.push_back(gpu % scenario.cluster.gpus_per_node());
    }
    shape_.nodes = static_cast<int>(nodes.size());
    if (!scenario.routing) return;
    models::RoutingShape shape{};
    for (const models::Layer& layer : scenario.model.kinds)
        if (layer.moe) {
            shape = {layer.moe->experts, layer.moe->top_k, layer.moe->groups,
                     layer.moe->group_limit, 1, scenario.seed};
        }
    experts_ = shape.experts;
    top_k_ = shape.top_k;
    for (int e = 0; e < experts_; ++e) {
        rank_of_expert_.push_back(e / (experts_ / members_));
        node_of_expert_.push_back(shape_.node[static_cast<std::size_t>(rank_of_expert_.back())]);
    }
    const models::Distinct distinct =
        models::expected_distinct(shape, node_of_expert_, rank_of_expert_);
    const std::vector<double> uniform(static_cast<std::size_t>(experts_),
                                      std::min(1.0, 1.0 * top_k_ / experts_));
    const auto sum = [](const std::vector<double>& v) {
        return std::accumulate(v.begin(), v.end(), 0.0);
    };
    node_scale_ = distinct.nodes / sum(touches(uniform, node_of_expert_, shape_.nodes, 1));
    gpu_scale_ = distinct.gpus / sum(touches(uniform, rank_of_expert_, members_, 1));

    const bool given = !scenario.routing->rows(0, false, members_).empty();
    differ_ = given ? scenario.routing->rows(0, false, members_).size() > 1 : scenario.routing->kinds() > 1;
    if (!given && scenario.routing->kinds() == 1) {
        const std::vector<double>& share = scenario.routing->layer(0).share.front();
        differ_ = *std::max_element(share.begin(), share.end()) >
                  *std::min_element(share.begin(), share.end()) * (1 + 1e-12);
    }
}

const topologies::Copies& Loads::copies(int moe_layer) const {
    const auto [at, fresh] = copies_.try_emplace(moe_layer);
    if (!fresh) return at->second;
    for (const std::vector<double>& share : scenario_.routing->layer(moe_layer).share) {
        std::vector<double> rows(static_cast<std::size_t>(members_), 0.0), chosen;
        for (std::size_t e = 0; e < share.size(); ++e) {
            rows[static_cast<std::size_t>(rank_of_expert_[e])] += top_k_ * share[e];
            chosen.push_back(std::min(1.0, top_k_ * share[e]));
        }
        std::vector<double> gpu = touches(chosen, rank_of_expert_, members_, gpu_scale_);
        for (std::size_t r = 0; r < gpu.size(); ++r) gpu[r] = std::min(gpu[r], rows[r]);
        at->second.rows.push_back(std::move(rows));
        at->second.gpu.push_back(std::move(gpu));
        at->second.node.push_back(touches(chosen, node_of_expert_, shape_.nodes, node_scale_));
    }
    return at->second;
}

void Loads::scale_excess(std::vector<double>& values) const {
    const double factor = scenario_.what_if.imbalance;
    if (factor == 1) return;
    const double m = mean(values);
    for (double& v : values) v = std::max(0.0, m + (v - m) * factor);
}

ExchangeLoad Loads::get(int moe_layer, int micro_batch, int replica, bool backward) const {
    const models::Routing& routing = *scenario_.routing;
    const topologies::Copies& per_token = copies(moe_layer);
    const double tokens = scenario_.tokens_per_rank();
    const auto members = static_cast<std::size_t>(members_);
    // Tensor-parallel neighbours hold parts of one sequence; replicas draw sequences of their own.
    const int split = scenario_.parallel.tensor * scenario_.parallel.context;
    const int sequences = members_ / split > 0 ? members_ / split : 1;
    const int draw = micro_batch + replica * scenario_.micro_batches();
    const std::vector<int> drawn = routing.kind_of_source(draw, sequences);
    std::vector<int> kinds(members);
    for (std::size_t s = 0; s < members; ++s)
        kinds[s] = drawn[std::min(s / static_cast<std::size_t>(split), drawn.size() - 1)];

    ExchangeLoad out;
    out.rows.assign(members, 0);
    out.unique.assign(members, 0);
    std::vector<double> count(per_token.rows.size(), 0.0);  // sources of each kind
    for (const int k : kinds) count[static_cast<std::size_t>(k)] += 1;
    for (std::size_t k = 0; k < count.size(); ++k)
        for (std::size_t r = 0; count[k] > 0 && r < members; ++r) {
            out.rows[r] += count[k] * tokens * per_token.rows[k][r];
            out.unique[r] += count[k] * tokens * per_token.gpu[k][r];
        }
    out.ports = scenario_.dispatcher->loads(shape_, per_token, kinds, tokens);
    if (routing.sampled()) {
        models::Random random{{scenario_.seed, 0x10ad5u, static_cast<std::uint64_t>(moe_layer),
                               static_cast<std::uint64_t>(draw)}};
        for (std::size_t r = 0; r < members; ++r) {
            const double noisy = out.rows[r] + std::sqrt(out.rows[r]) * gauss(random);
            const double factor = out.rows[r] > 0 ? std::max(0.0, noisy / out.rows[r]) : 1;
            out.rows[r] *= factor;
            out.unique[r] *= factor;
        }
    }
    if (const std::vector<double> given = routing.rows(moe_layer, backward, members_); !given.empty())
        for (std::size_t r = 0; r < members; ++r) {
            const double rows = given[given.size() == 1 ? 0 : r];
            out.unique[r] *= rows / out.rows[r];
            out.rows[r] = rows;
        }
    for (auto* values : {&out.rows, &out.unique, &out.ports.nic_out, &out.ports.nic_in,
                         &out.ports.nvlink_out, &out.ports.nvlink_in})
        scale_excess(*values);
    return out;
}

}  // namespace moesim::scenarios
