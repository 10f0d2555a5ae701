#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "models/random.hpp"
#include "models/routing.hpp"
#include "models/shares.hpp"
#include "sim/paths.hpp"

namespace moesim::models {
namespace {

/// The measured layer nearest in relative depth. The last layer measured is taken as the last of
/// its model (OLMoE: 0, 7 and 15 of 16).
std::size_t nearest_layer(const std::vector<int>& measured, int layer, int layers) {
    const double depth = layers > 1 ? double{1} * layer / (layers - 1) : 0.5;
    const double last = std::max(measured.back(), 1);
    std::size_t best = 0;
    for (std::size_t i = 1; i < measured.size(); ++i)
        if (std::abs(measured[i] / last - depth) < std::abs(measured[best] / last - depth))
            best = i;
    return best;
}

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

std::filesystem::path find_table(sim::Table& in) {
    const std::string name = in.text("file", "olmoe-shares");
    const std::filesystem::path beside = in.file().parent_path() / name;
    if (beside.extension() == ".csv" && std::filesystem::exists(beside)) return beside;
    return sim::find_data("routing table", "models/routing", name, ".csv");
}

/// Expert loads of a real router, carried over to this model.
///
/// Kinds are the table's domains; each sequence draws one, by `weights`. A model's layer takes the
/// measured layer nearest in relative depth. When the number of experts differs, the vectors are
/// resampled by rank along an order common to all domains (see resample()), and each layer
/// deals them to its experts by a seeded permutation common to all domains; equal numbers keep the
/// experts as they were measured. With `bias_balanced` the vectors are what a load-balancing bias
/// leaves of them (see tilt_to_uniform()).
class Measured final : public Routing {
public:
    Measured(sim::Table& in, const RoutingShape& shape) : seed_{shape.seed} {
        const auto path = find_table(in);
        const ShareTable table = read_share_table(path);
        file_ = path.filename().string();
        domains_ = table.domains;
        weights_ = read_weights(in, table);
        bias_balanced_ = in.flag("bias_balanced", shape.bias_balanced);
        resample_ = in.choice("resample", {"linear", "nearest"}, "linear");
        std::vector<std::vector<std::vector<double>>> fitted;  // [measured layers]
        for (const auto& vectors : table.share) fitted.push_back(fit(vectors, shape.experts));
        for (int l = 0; l < shape.moe_layers; ++l)
            layers_.push_back(deal(fitted[nearest_layer(table.layers, l, shape.moe_layers)], l,
                                   shape.experts != table.experts()));
    }

    int kinds() const override { return static_cast<int>(domains_.size()); }

    std::vector<int> kind_of_source(int micro_batch, int sources) const override {
        std::vector<int> out;
        for (int source = 0; source < sources; ++source) {
            Random random{kDomains, seed_, static_cast<std::uint64_t>(micro_batch),
                          static_cast<std::uint64_t>(source)};
            double left = random.uniform();
            std::size_t kind = 0;
            while (kind + 1 < weights_.size() && left >= weights_[kind]) left -= weights_[kind++];
            out.push_back(static_cast<int>(kind));
        }
        return out;
    }

    const LayerShares& layer(int moe_layer) const override {
        return layers_.at(static_cast<std::size_t>(moe_layer));
    }
    bool sampled() const override { return true; }

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
    static constexpr std::uint64_t kDomains = 1, kExperts = 2;  // streams of random numbers

    std::vector<std::vector<double>> fit(const std::vector<std::vector<double>>& vectors,
                                         int experts) const {
        auto out = resample(vectors, experts,
                            resample_ == "linear" ? Resample::linear : Resample::nearest);
        return bias_balanced_ ? tilt_to_uniform(std::move(out), weights_) : out;
    }

    LayerShares deal(const std::vector<std::vector<double>>& vectors, int layer,
                     bool permute) const {
        if (!permute) return {vectors};
        const int experts = static_cast<int>(vectors[0].size());
        const auto to =
            Random{kExperts, seed_, static_cast<std::uint64_t>(layer)}.permutation(experts);
        LayerShares out{vectors};
        for (std::size_t d = 0; d < vectors.size(); ++d)
            for (std::size_t e = 0; e < to.size(); ++e)
                out.share[d][static_cast<std::size_t>(to[e])] = vectors[d][e];
        return out;
    }

    std::uint64_t seed_;
    std::string file_;
    std::vector<std::string> domains_;
    std::vector<double> weights_;
    bool bias_balanced_ = false;
    std::string resample_;
    std::vector<LayerShares> layers_;
};

const sim::Register<Routing, Measured, sim::Table&, const RoutingShape&> entry{
    "measured", "expert loads counted on a real router, per domain of text"};

}  // namespace
}  // namespace moesim::models
