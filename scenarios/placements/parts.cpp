#include "scenarios/placements/parts.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moesim::scenarios {
namespace {

bool is_load(double x) { return std::isfinite(x) && x >= 0; }

std::string unusable_weight(const PlacementInput& in) {
    if (in.weight.empty() || in.weight.front().empty()) return "there are no loads";
    for (std::size_t l = 0; l < in.weight.size(); ++l) {
        const auto& row = in.weight[l];
        if (row.size() != in.weight.front().size())
            return fmt::format("layer {} has {} experts, layer 0 has {}", l, row.size(),
                               in.weight.front().size());
        for (std::size_t e = 0; e < row.size(); ++e)
            if (!is_load(row[e]))
                return fmt::format("the load of expert {} in layer {} is {}", e, l, row[e]);
        if (!std::isfinite(std::accumulate(row.begin(), row.end(), 0.0)))
            return fmt::format("the loads of layer {} add up to infinity", l);
    }
    return {};
}

std::string unusable_counts(const PlacementInput& in, bool replicates) {
    const int experts = static_cast<int>(in.weight.front().size());
    if (in.gpus < 1 || in.nodes < 1 || in.groups < 1)
        return fmt::format("{} GPUs, {} nodes and {} groups; each must be at least 1", in.gpus,
                           in.nodes, in.groups);
    if (in.gpus % in.nodes != 0)
        return fmt::format("{} GPUs are not a multiple of {} nodes", in.gpus, in.nodes);
    if (experts % in.groups != 0)
        return fmt::format("{} experts are not a multiple of {} groups", experts, in.groups);
    if (in.slots < experts)
        return fmt::format("{} slots are fewer than {} experts", in.slots, experts);
    if (in.slots % in.gpus != 0)
        return fmt::format("{} slots are not a multiple of {} GPUs", in.slots, in.gpus);
    if (in.slots > experts && !replicates)
        return fmt::format("{} slots for {} experts, and it places one copy of each", in.slots,
                           experts);
    return {};
}

/// `what` is [layers][experts][experts], or empty when not known.
std::string unusable_pairs(const std::vector<std::vector<std::vector<double>>>& pairs,
                           std::string_view what, std::size_t layers, std::size_t experts) {
    if (pairs.empty()) return {};
    if (pairs.size() != layers)
        return fmt::format("`{}` has {} layers, expected {}", what, pairs.size(), layers);
    for (std::size_t l = 0; l < layers; ++l) {
        if (pairs[l].size() != experts)
            return fmt::format("layer {} of `{}` has {} rows for {} experts", l, what,
                               pairs[l].size(), experts);
        for (std::size_t e = 0; e < experts; ++e)
            if (pairs[l][e].size() != experts ||
                !std::all_of(pairs[l][e].begin(), pairs[l][e].end(), is_load))
                return fmt::format("row {} of layer {} of `{}` is not {} numbers of at least 0", e,
                                   l, what, experts);
    }
    return {};
}

std::string unusable_speed(const PlacementInput& in) {
    if (in.gpu_speed.empty()) return {};
    if (in.gpu_speed.size() != static_cast<std::size_t>(in.gpus))
        return fmt::format("{} speeds for {} GPUs", in.gpu_speed.size(), in.gpus);
    const bool good = std::all_of(in.gpu_speed.begin(), in.gpu_speed.end(),
                                  [](double s) { return std::isfinite(s) && s > 0; });
    return good ? "" : "a GPU's speed is not a number above 0";
}

}  // namespace

std::string unusable(const PlacementInput& in, bool replicates) {
    if (std::string why = unusable_weight(in); !why.empty()) return why;
    if (std::string why = unusable_counts(in, replicates); !why.empty()) return why;
    const std::size_t layers = in.weight.size(), experts = in.weight.front().size();
    if (std::string why = unusable_pairs(in.together, "together", layers, experts); !why.empty())
        return why;
    if (std::string why = unusable_pairs(in.follows, "follows", layers - 1, experts); !why.empty())
        return why;
    return unusable_speed(in);
}

Placement one_copy_each(const std::vector<std::vector<int>>& gpu_of, const PlacementInput& input) {
    std::vector<std::vector<int>> phy2log;
    const int per_gpu = input.slots / input.gpus;
    for (const std::vector<int>& gpu : gpu_of) {
        std::vector<int> held(static_cast<std::size_t>(input.slots), -1);
        std::vector<int> filled(static_cast<std::size_t>(input.gpus));
        for (std::size_t e = 0; e < gpu.size(); ++e) {
            int& at = filled.at(static_cast<std::size_t>(gpu[e]));
            held.at(static_cast<std::size_t>(gpu[e] * per_gpu + at++)) = static_cast<int>(e);
        }
        phy2log.push_back(std::move(held));
    }
    return Placement::from_slots(std::move(phy2log), static_cast<int>(input.weight.front().size()));
}

std::vector<double> load_of_bins(const std::vector<double>& load, const std::vector<int>& bin,
                                 int bins) {
    std::vector<double> out(static_cast<std::size_t>(bins));
    for (std::size_t i = 0; i < load.size(); ++i) out[static_cast<std::size_t>(bin[i])] += load[i];
    return out;
}

double node_local_share(const Placement& placement, int layer, const PlacementInput& input) {
    const auto l = static_cast<std::size_t>(layer);
    const int per_node = input.slots / input.nodes;
    double local = 0, all = 0;
    for (std::size_t e = 0; e < input.weight[l].size(); ++e) {
        std::vector<bool> in_node(static_cast<std::size_t>(input.nodes));
        for (const int slot : placement.log2phy[l][e])
            in_node[static_cast<std::size_t>(slot / per_node)] = true;
        local += input.weight[l][e] *
                 static_cast<double>(std::count(in_node.begin(), in_node.end(), true));
        all += input.weight[l][e];
    }
    return all > 0 ? local / (all * input.nodes) : 1;
}

}  // namespace moesim::scenarios
