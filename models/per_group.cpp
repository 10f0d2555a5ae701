#include "models/per_group.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <utility>

namespace moesim::models {
namespace {

/// A routing whose load vectors are evened out over groups.
class PerGroup final : public Routing {
public:
    PerGroup(std::unique_ptr<Routing> base, int groups) : base_{std::move(base)}, groups_{groups} {}

    int kinds() const override { return base_->kinds(); }
    std::vector<int> kind_of_source(int micro_batch, int sources) const override {
        return base_->kind_of_source(micro_batch, sources);
    }
    const LayerShares& layer(int moe_layer) const override {
        const auto [at, fresh] = layers_.try_emplace(moe_layer);
        if (fresh)
            for (const auto& share : base_->layer(moe_layer).share)
                at->second.share.push_back(even_groups(share, groups_));
        return at->second;
    }
    bool sampled() const override { return base_->sampled(); }
    std::vector<double> rows(int moe_layer, bool backward, int ranks) const override {
        return base_->rows(moe_layer, backward, ranks);
    }
    const Pairs* together(int moe_layer) const override { return base_->together(moe_layer); }
    const Pairs* follows(int moe_layer) const override { return base_->follows(moe_layer); }
    nlohmann::ordered_json resolved() const override {
        nlohmann::ordered_json out = base_->resolved();
        out["per_group"] = true;
        return out;
    }

private:
    std::unique_ptr<Routing> base_;
    int groups_;
    mutable std::map<int, LayerShares> layers_;
};

}  // namespace

std::vector<double> even_groups(std::vector<double> share, int groups) {
    const auto size = static_cast<std::ptrdiff_t>(share.size()) / groups;
    for (auto first = share.begin(); first != share.end(); first += size) {
        const double sum = std::accumulate(first, first + size, 0.0);
        for (auto e = first; e != first + size; ++e)
            *e = (sum > 0 ? *e / sum : 1.0 / static_cast<double>(size)) / groups;
    }
    return share;
}

std::unique_ptr<Routing> per_group(const RoutingShape& shape, std::unique_ptr<Routing> base) {
    if (shape.per_group == 0 || !base->rows(0, false, 1).empty()) return base;
    return std::make_unique<PerGroup>(std::move(base), shape.groups);
}

}  // namespace moesim::models
