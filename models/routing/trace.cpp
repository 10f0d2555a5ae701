#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "models/routing_file.hpp"
#include "models/trace.hpp"
#include "models/weighted_kinds.hpp"

namespace moesim::models {
namespace {

constexpr double kMostShares = 1 << 27;  // 1 GiB of them

bool holds_safetensors(const std::filesystem::path& path) {
    const auto tensors = [](const std::filesystem::path& file) {
        return file.extension() == ".safetensors";
    };
    if (!std::filesystem::is_directory(path)) return tensors(path);
    return std::any_of(std::filesystem::directory_iterator{path}, {},
                       [&](const auto& entry) { return tensors(entry.path()); });
}

Trace read_trace(sim::Table& in, const RoutingFile& file, const RoutingShape& shape) {
    const std::string by = in.choice("group", {"request", "rank", "step", "all"}, "request");
    const TraceGroup group = by == "rank"   ? TraceGroup::rank
                             : by == "step" ? TraceGroup::step
                             : by == "all"  ? TraceGroup::all
                                            : TraceGroup::request;
    if (holds_safetensors(file.path)) return read_trace_safetensors(file.path, shape, group);
    if (file.path.extension() != ".csv") return read_trace_jsonl(file.path, shape, group);
    if (group == TraceGroup::rank || group == TraceGroup::step)
        in.fail("group", fmt::format("a CSV trace knows no {}", by), "request or all");
    const std::string phase = in.choice("phase", {"all", "prefill", "decode"}, "all");
    return read_trace_csv(file.path, shape, group, phase == "all" ? "" : phase);
}

/// The choices of a real router, token by token: loads, distinct destinations, co-activation and
/// transitions as they were.
///
///     file   = "traces"       # folder of router_trace_rank*.jsonl or of TensorRT-LLM's
///                             # rank*_raw.safetensors, one of them, or a CSV
///     group  = "request"      # kinds: each request of a CSV or batch of a router trace; or rank,
///                             # step, all
///     phase  = "all"          # of a CSV: prefill or decode alone
///     layers = "exact"        # or "nearest"
///
/// A source's sequence draws a group, by its number of tokens, so the mixture is the whole trace.
/// Experts and top_k must be the model's. follows() is empty where two neighbouring model layers
/// are not neighbours in the trace.
class TraceRouting final : public WeightedKinds {
public:
    TraceRouting(sim::Table& in, const RoutingShape& shape) : WeightedKinds{shape.seed} {
        const RoutingFile file = find_routing_file(in, "");
        file_ = file.path.filename().string();
        if (shape.experts > 65536) in.fail("file", "a trace of more than 65,536 experts");
        trace_ = read_trace(in, file, shape);
        layer_ = map_layers(in, trace_.layers, shape, true);
        const double shares = 1.0 * static_cast<double>(trace_.groups.size()) * shape.experts *
                              static_cast<double>(trace_.layers.size());
        if (shares > kMostShares)
            in.fail("group", fmt::format("{} groups of tokens", trace_.groups.size()),
                    "group = \"rank\", \"step\" or \"all\" makes fewer");
        for (std::size_t g = 0; g < trace_.groups.size(); ++g)
            weights_.push_back(static_cast<double>(trace_.begin[g + 1] - trace_.begin[g]) /
                               static_cast<double>(trace_.tokens()));
        for (std::size_t l = 0; l < trace_.layers.size(); ++l) layers_.push_back(count(l));
    }

    const LayerShares& layer(int moe_layer) const override { return layers_[at(moe_layer)]; }
    bool exact_touches() const override { return true; }

    std::vector<double> touches(int moe_layer, int kind, const std::vector<int>& domain_of_expert,
                                int domains) const override {
        std::vector<std::size_t> touched(static_cast<std::size_t>(domains), 0);
        std::vector<std::size_t> seen(static_cast<std::size_t>(domains), ~std::size_t{0});
        const auto& choices = trace_.choices[at(moe_layer)];
        const auto g = static_cast<std::size_t>(kind);
        for (std::size_t t = trace_.begin[g]; t < trace_.begin[g + 1]; ++t)
            for (std::size_t c = t * top_k(); c < (t + 1) * top_k(); ++c) {
                const auto domain = static_cast<std::size_t>(domain_of_expert[choices[c]]);
                if (std::exchange(seen[domain], t) != t) ++touched[domain];
            }
        std::vector<double> out;
        for (const std::size_t t : touched)
            out.push_back(static_cast<double>(t) /
                          static_cast<double>(trace_.begin[g + 1] - trace_.begin[g]));
        return out;
    }

    const Pairs* together(int moe_layer) const override {
        return pairs(together_, at(moe_layer), at(moe_layer));
    }
    const Pairs* follows(int moe_layer) const override {
        if (static_cast<std::size_t>(moe_layer) + 1 >= layer_.size()) return nullptr;
        const std::size_t from = at(moe_layer), to = at(moe_layer + 1);
        const bool neighbours = to == from + 1 && trace_.layers[to] == trace_.layers[from] + 1;
        return neighbours ? pairs(follows_, from, to) : nullptr;
    }

    nlohmann::ordered_json resolved() const override {
        return {{"kind", "trace"},
                {"file", file_},
                {"groups", trace_.groups.size()},
                {"tokens", trace_.tokens()},
                {"trace_layers", trace_.layers.size()},
                {"seed", seed_}};
    }

private:
    std::size_t at(int moe_layer) const { return layer_.at(static_cast<std::size_t>(moe_layer)); }
    std::size_t top_k() const { return static_cast<std::size_t>(trace_.top_k); }

    LayerShares count(std::size_t l) const {
        LayerShares out;
        for (std::size_t g = 0; g < trace_.groups.size(); ++g) {
            auto& share = out.share.emplace_back(static_cast<std::size_t>(trace_.experts), 0.0);
            const std::size_t begin = trace_.begin[g] * top_k(),
                              end = trace_.begin[g + 1] * top_k();
            for (std::size_t c = begin; c < end; ++c) share[trace_.choices[l][c]] += 1;
            for (double& s : share) s /= static_cast<double>(end - begin);
        }
        return out;
    }

    const Pairs* pairs(std::map<std::size_t, Pairs>& kept, std::size_t from, std::size_t to) const {
        const auto [found, fresh] = kept.try_emplace(from);
        Pairs& out = found->second;
        if (!fresh) return &out;
        const auto experts = static_cast<std::size_t>(trace_.experts);
        out.experts = trace_.experts;
        out.count.assign(experts * experts, 0);
        for (std::size_t t = 0; t < trace_.tokens() * top_k(); t += top_k())
            for (std::size_t i = t; i < t + top_k(); ++i)
                for (std::size_t j = t; j < t + top_k(); ++j)
                    out.count[trace_.choices[from][i] * experts + trace_.choices[to][j]] += 1;
        return &out;
    }

    std::string file_;
    Trace trace_;
    std::vector<std::size_t> layer_;  // [MoE layers] of the trace
    mutable std::map<std::size_t, Pairs> together_, follows_;
};

const sim::Register<Routing, TraceRouting, sim::Table&, const RoutingShape&> entry{
    "trace", "choices of a real router, token by token"};

}  // namespace
}  // namespace moesim::models
