#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "models/random.hpp"
#include "models/routing.hpp"

namespace moesim::models {
namespace {

/// Nearly normal, of variance 1: four uniform numbers of 16 bits each (kurtosis 2.7, ends at 3.46).
double rough_gauss(std::uint64_t bits) {
    const std::uint64_t sum =
        (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
    return (static_cast<double>(sum) / 65536 - 2) * 1.7320508075688772;
}

/// A dot product in four sums, which do not wait for one another.
double dot(const std::vector<double>& a, const std::vector<double>& b) {
    double sum[4] = {0, 0, 0, 0};
    std::size_t i = 0;
    for (; i + 4 <= a.size(); i += 4)
        for (std::size_t j = 0; j < 4; ++j) sum[j] += a[i + j] * b[i + j];
    for (; i < a.size(); ++i) sum[0] += a[i] * b[i];
    return sum[0] + sum[1] + sum[2] + sum[3];
}

struct Controller {
    double rate = 0.001;  // u
    bool proportional = false;
    double scale = 0.1;                    // of the scores' spread between tokens
    double choices = 0;                    // of one batch: its tokens x top_k
    std::vector<std::vector<double>> mix;  // [steps][kinds] share of each kind in a step's batch

    /// Moves the bias of one layer through all steps. share  [kinds][experts], replaced by what the
    /// bias makes of it after the last step; max_vio  [steps], to which this layer's are added.
    void run(std::vector<std::vector<double>>& share, Random random,
             std::vector<double>& max_vio) const {
        const std::size_t experts = share[0].size();
        const double mean = 1.0 / static_cast<double>(experts);
        const double by_sign[3] = {std::exp(rate / scale), 1, std::exp(-rate / scale)};
        const double scatter = 1 / std::sqrt(choices);
        std::vector<double> tilt(experts, 1.0);  // exp(b / scale)
        std::vector<double> load(experts), noise(experts);
        for (auto& kind : share)
            for (double& s : kind) s = std::max(s, 1e-12);  // no bias could raise zero
        for (std::size_t step = 0; step < mix.size(); ++step) {
            std::fill(load.begin(), load.end(), 0.0);
            for (std::size_t k = 0; k < share.size(); ++k) {
                if (mix[step][k] == 0) continue;
                const double part = mix[step][k] / dot(share[k], tilt);
                for (std::size_t e = 0; e < experts; ++e) load[e] += part * share[k][e];
            }
            for (double& n : noise) n = rough_gauss(random.bits());
            for (std::size_t e = 0; e < experts; ++e) {
                const double expected = load[e] * tilt[e];
                load[e] = std::max(0.0, expected + std::sqrt(expected) * scatter * noise[e]);
            }
            max_vio[step] += *std::max_element(load.begin(), load.end()) / mean - 1;
            for (std::size_t e = 0; proportional && e < experts; ++e)
                tilt[e] *= std::exp(rate / scale * (1 - load[e] / mean));
            // near balance the sign is a coin toss: looked up, since a branch would be mispredicted
            for (std::size_t e = 0; !proportional && e < experts; ++e)
                tilt[e] *= by_sign[1 + (load[e] > mean) - (load[e] < mean)];
            // an expert that nobody wants, or everybody, goes no further
            for (double& t : tilt) t = std::min(std::max(t, 1e-60), 1e60);
        }
        for (auto& kind : share) {
            const double all = dot(kind, tilt);
            for (std::size_t e = 0; e < experts; ++e) kind[e] *= tilt[e] / all;
        }
    }
};

/// Loads under the loss-free balancing bias, simulated step by step from a base kind's loads.
///
///     base        = { kind = "power_law", alpha = 1.2 }   # "measured" when absent
///     steps       = 500
///     update_rate = 0.001         # u
///     rule        = "sign"        # or "proportional"
///     score_scale = 0.1           # how far a token's score for an expert strays from its mean
///     sequences   = 1024          # of a global batch: each draws a kind of the base
///     tokens      = 4096          # of a sequence
///
/// A step's loads are the mean of its sequences' load vectors plus the scatter of their choices;
/// then b_i += u sign(mean - c_i), or u (mean - c_i) / mean. Scores that stray by a Gumbel variable
/// times score_scale make an expert's share go with exp(b / score_scale), the tilt that
/// tilt_to_uniform() finds at once. The default spread is assumed: sigmoid scores lie in 0 .. 1.
/// The vectors used are those after the last step. resolved() holds each step's MaxVio, the mean
/// over layers, at most 200 of them.
/// Source: arXiv:2408.15664, algorithm 1. Left out: sequence-level auxiliary loss; gate values.
class BiasBalanced final : public Routing {
public:
    BiasBalanced(sim::Table& in, const RoutingShape& shape) {
        sim::Table base = in.table("base");
        RoutingShape plain = shape;
        plain.bias_balanced = false;  // or the base would have the bias already
        base_ = make_source(base, plain, "measured");
        if (!base_->rows(0, false, 1).empty()) base.fail("kind", "gives rows and no loads");
        const auto steps = in.count("steps", 1, 500);
        if (steps > 1'000'000) in.fail("steps", "more than 1,000,000");
        control_.rate = in.number("update_rate", 0, 1, 0.001);
        control_.proportional = in.choice("rule", {"sign", "proportional"}, "sign") != "sign";
        control_.scale = in.number("score_scale", 1e-3, 10, 0.1);
        if (control_.rate > control_.scale)
            in.fail("update_rate", "larger than the scores' spread, score_scale");
        const auto sequences = in.count("sequences", 1, 1024);
        if (sequences > 1'000'000) in.fail("sequences", "more than 1,000,000");
        const double tokens = in.number("tokens", 1, 1e9, 4096);
        control_.choices = static_cast<double>(sequences) * tokens * shape.top_k;
        draw_batches(static_cast<int>(steps), static_cast<int>(sequences));
        max_vio_.assign(control_.mix.size(), 0);
        for (int l = 0; l < shape.moe_layers; ++l) {
            LayerShares& layer = layers_.emplace_back(base_->layer(l));
            control_.run(layer.share, Random{kNoise, shape.seed, static_cast<std::uint64_t>(l)},
                         max_vio_);
        }
        for (double& v : max_vio_) v /= std::max(1, shape.moe_layers);
    }

    int kinds() const override { return base_->kinds(); }
    std::vector<int> kind_of_source(int micro_batch, int sources) const override {
        return base_->kind_of_source(micro_batch, sources);
    }
    const LayerShares& layer(int moe_layer) const override {
        return layers_.at(static_cast<std::size_t>(moe_layer));
    }
    bool sampled() const override { return true; }

    nlohmann::ordered_json resolved() const override {
        const std::size_t every = (max_vio_.size() + 199) / 200;
        auto some = nlohmann::ordered_json::array();
        for (std::size_t step = 0; step < max_vio_.size(); step += every)
            some.push_back(std::round(max_vio_[step] * 1e4) / 1e4);
        return {{"kind", "bias_balanced"},
                {"base", base_->resolved()},
                {"steps", max_vio_.size()},
                {"update_rate", control_.rate},
                {"rule", control_.proportional ? "proportional" : "sign"},
                {"score_scale", control_.scale},
                {"max_vio_last", max_vio_.back()},
                {"max_vio_every", every},
                {"max_vio", std::move(some)}};
    }

private:
    static constexpr std::uint64_t kNoise = 10;  // stream of random numbers

    void draw_batches(int steps, int sequences) {
        const auto kinds = static_cast<std::size_t>(base_->kinds());
        for (int step = 0; step < steps; ++step) {
            std::vector<double> part(kinds, 0.0);
            if (kinds == 1) {
                part[0] = 1;
            } else {
                // micro-batches of the run itself are counted from 0: these lie before them
                for (const int k : base_->kind_of_source(-1 - step, sequences))
                    part[static_cast<std::size_t>(k)] += 1.0 / sequences;
            }
            control_.mix.push_back(std::move(part));
        }
    }

    std::unique_ptr<Routing> base_;
    Controller control_;
    std::vector<LayerShares> layers_;
    std::vector<double> max_vio_;  // [steps], mean over layers
};

const sim::Register<Routing, BiasBalanced, sim::Table&, const RoutingShape&> entry{
    "bias_balanced", "loads after steps of the loss-free balancing bias"};

}  // namespace
}  // namespace moesim::models
