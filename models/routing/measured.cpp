#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

#include "models/routing_drift.hpp"
#include "models/routing_file.hpp"
#include "models/sampling.hpp"
#include "models/shares.hpp"
#include "models/weighted_kinds.hpp"

namespace moesim::models {
namespace {

std::vector<double> read_weights(sim::Table& in, const ShareTable& table) {
    const std::size_t domains = table.domains.size();
    std::vector<double> out = in.numbers("weights", 0, 1e12);
    if (out.empty()) out.assign(domains, 1);
    if (out.size() != domains)
        in.fail("weights", fmt::format("{} numbers for {} domains", out.size(), domains),
                fmt::format("one for each of {}", fmt::join(table.domains, ", ")));
    const double sum = std::accumulate(out.begin(), out.end(), 0.0);
    if (!(sum > 0)) in.fail("weights", "all are zero", "give at least one domain some weight");
    for (double& w : out) w /= sum;
    return out;
}

ShareTable read_table(sim::Table& in, const std::filesystem::path& path) {
    if (path.extension() == ".json") return read_share_json(path);
    if (path.extension() == ".safetensors" || std::filesystem::is_directory(path))
        return read_share_statistics(path);
    ShareFilter filter;
    for (const auto& [key, to] :
         {std::pair{"file_model", &filter.model}, std::pair{"selection", &filter.selection}}) {
        if (in.has(key)) *to = in.text(key);
        if (!in.has(key)) in.ignore(key);  // known, so that a slip is told of it
    }
    return read_share_table(path, filter);
}

/// Expert loads of a real router, carried over to this model.
///
/// `file` is a table that comes with the program (resampled, layers by depth) or one's own
/// CSV, JSON or TensorRT-LLM statistics (read_share_table() and its neighbours), which must fit the
/// model's experts and MoE layers unless `resample` and `layers = "nearest"` ask for more.
///
/// Kinds are the table's domains; each sequence draws one, by `weights`. When the number of experts
/// differs, the vectors are resampled by rank along an order common to all domains (see
/// resample()), and each layer deals them to its experts by a seeded permutation common to all
/// domains; equal numbers keep the experts as they were measured. With `drift` the loads are as
/// they have become (routing_drift.hpp; model layers that share a measured layer share its drift).
/// With `bias_balanced` the vectors are what a load-balancing bias leaves of them
/// (tilt_to_uniform()).
///
/// Pairs of experts are expected ones: a token of a domain chooses expert i with probability k
/// share_i, whatever else it chooses (assumed; counts hold no tokens), so together() and follows()
/// hold what domains have in common between experts and layers, no more. Of one domain alone they
/// would say nothing, and are absent.
class Measured final : public WeightedKinds {
public:
    Measured(sim::Table& in, const RoutingShape& shape)
        : WeightedKinds{shape.seed}, top_k_{shape.top_k} {
        const RoutingFile file = find_routing_file(in, "olmoe-shares");
        const ShareTable table = read_table(in, file.path);
        file_ = file.path.filename().string();
        domains_ = table.domains;
        weights_ = read_weights(in, table);
        bias_balanced_ = in.flag("bias_balanced", shape.bias_balanced);
        const bool asked = in.has("resample");
        resample_ = in.choice("resample", {"linear", "nearest"}, "linear");
        if (file.own && !asked && table.experts() != shape.experts)
            in.fail("file",
                    fmt::format("{} experts, the model has {}", table.experts(), shape.experts),
                    "resample = \"linear\" (or \"nearest\") carries the loads over by rank");
        const auto layers = map_layers(in, table.layers, shape, file.own);
        const Drift drift = read_drift(in, shape.seed);
        std::vector<std::vector<std::vector<double>>> fitted;  // [measured layers]
        for (std::size_t l = 0; l < table.share.size(); ++l)
            fitted.push_back(fit(table.share[l], shape, drift, static_cast<int>(l)));
        for (int l = 0; l < shape.moe_layers; ++l) {
            const auto& vectors = fitted[layers[static_cast<std::size_t>(l)]];
            layers_.push_back(
                {shape.experts == table.experts() ? vectors : dealt(vectors, seed_, l)});
        }
    }

    const Pairs* together(int moe_layer) const override {
        return kinds() > 1 ? pairs(together_, moe_layer, moe_layer) : nullptr;
    }
    const Pairs* follows(int moe_layer) const override {
        const bool last = static_cast<std::size_t>(moe_layer) + 1 >= layers_.size();
        return kinds() > 1 && !last ? pairs(follows_, moe_layer, moe_layer + 1) : nullptr;
    }

    nlohmann::ordered_json resolved() const override {
        return {{"kind", "measured"},
                {"file", file_},
                {"domains", domains_},
                {"weights", weights_},
                {"bias_balanced", bias_balanced_},
                {"resample", resample_},
                {"seed", seed_}};
    }

private:
    /// Expected pairs of one token.
    const Pairs* pairs(std::map<int, Pairs>& known, int from, int to) const {
        const auto [at, fresh] = known.try_emplace(from);
        Pairs& out = at->second;
        if (!fresh) return &out;
        const auto experts = layer(from).share.front().size();
        out.experts = static_cast<int>(experts);
        out.count.assign(experts * experts, 0);
        for (std::size_t d = 0; d < weights_.size(); ++d) {
            const auto &a = layer(from).share[d], &b = layer(to).share[d];
            for (std::size_t i = 0; i < experts; ++i)
                for (std::size_t j = 0; j < experts; ++j)
                    out.count[i * experts + j] +=
                        weights_[d] * std::min(1.0, top_k_ * a[i]) *
                        (from == to && i == j ? 1 : std::min(1.0, top_k_ * b[j]));
        }
        return &out;
    }

    std::vector<std::vector<double>> fit(const std::vector<std::vector<double>>& vectors,
                                         const RoutingShape& shape, const Drift& drift,
                                         int layer) const {
        auto out = resample(vectors, shape.experts,
                            resample_ == "linear" ? Resample::linear : Resample::nearest);
        out = drift.apply(std::move(out), layer, 1.0 / shape.top_k);
        return bias_balanced_ ? tilt_to_uniform(std::move(out), weights_) : out;
    }

    int top_k_;
    mutable std::map<int, Pairs> together_, follows_;  // by MoE layer
    std::string file_;
    std::vector<std::string> domains_;
    bool bias_balanced_ = false;
    std::string resample_;
};

const sim::Register<Routing, Measured, sim::Table&, const RoutingShape&> entry{
    "measured", "expert loads counted on a real router, per domain of text"};

}  // namespace
}  // namespace moesim::models
