#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "models/random.hpp"
#include "models/routing.hpp"

namespace moesim::models {
namespace {

/// Rows given outright, per MoE layer and pass, as one rank saw them; the network sees balanced
/// shares.
///
///     forward  = [31104, 30976, 36864, 31104]   # rows; layer l takes number l modulo 4
///     backward = [34688, 32512, 32896, 28416]   # as forward when absent
///     other_ranks = "same"                      # or "resampled"
///
/// resampled: rank 0 keeps the counts as given; every other rank takes, layer by layer, one of the
/// given counts at random (a bootstrap), so ranks differ as much as the given layers do.
class Rows final : public Routing {
public:
    Rows(sim::Table& in, const RoutingShape& shape)
        : forward_{read(in, "forward", shape)},
          backward_{in.has("backward") ? read(in, "backward", shape) : forward_},
          resampled_{in.choice("other_ranks", {"same", "resampled"}, "same") == "resampled"},
          seed_{shape.seed} {
        const auto experts = static_cast<std::size_t>(shape.experts);
        uniform_.share = {std::vector<double>(experts, 1.0 / shape.experts)};
    }
    int kinds() const override { return 1; }
    std::vector<int> kind_of_source(int, int sources) const override {
        return std::vector<int>(static_cast<std::size_t>(sources), 0);
    }
    const LayerShares& layer(int) const override { return uniform_; }
    std::vector<double> rows(int moe_layer, bool backward, int ranks) const override {
        const auto& given = backward ? backward_ : forward_;
        std::vector<double> out{given[static_cast<std::size_t>(moe_layer) % given.size()]};
        if (!resampled_) return out;
        std::vector<double> all = forward_;
        all.insert(all.end(), backward_.begin(), backward_.end());
        Random random{{seed_, 0x0f105u, static_cast<std::uint64_t>(moe_layer), backward}};
        for (int r = 1; r < ranks; ++r)
            out.push_back(all[random.below(static_cast<std::uint32_t>(all.size()))]);
        return out;
    }
    nlohmann::ordered_json resolved() const override {
        return {{"kind", "rows"},
                {"forward", forward_},
                {"backward", backward_},
                {"other_ranks", resampled_ ? "resampled" : "same"}};
    }

private:
    static std::vector<double> read(sim::Table& in, const char* key, const RoutingShape& shape) {
        std::vector<double> out = in.numbers(key, 0, 1e12);
        if (out.empty()) in.fail(key, "no rows", "one number per MoE layer");
        if (static_cast<std::size_t>(shape.moe_layers) % out.size() != 0)
            in.fail(key, fmt::format("{} numbers for {} MoE layers", out.size(), shape.moe_layers),
                    "one per MoE layer, or a divisor of that many, which then repeat");
        return out;
    }

    std::vector<double> forward_, backward_;
    bool resampled_;
    std::uint64_t seed_;
    LayerShares uniform_;
};

const sim::Register<Routing, Rows, sim::Table&, const RoutingShape&> entry{
    "rows", "rows given per MoE layer and pass"};

}  // namespace
}  // namespace moesim::models
