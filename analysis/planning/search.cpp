#include "analysis/planning/search.hpp"

#include <algorithm>
#include <numeric>

#include "models/zoo.hpp"
#include "topologies/cluster.hpp"

namespace moesim::analysis {
namespace {

constexpr int kMostTensor = 8, kMostPipeline = 64, kMostVirtual = 8, kMostMicro = 4;
constexpr long kLongSequence = 16384, kLeastPerRank = 4096;
constexpr int kFewExperts = 16;
constexpr const char* kRecompute = "step.recompute";

/// What bounds the search, of a scenario whose plan is not there yet.
struct Bounds {
    int gpus = 1, domain = 1, heads = 0, experts = 1, layers = 1;
    long sequence = 4096;
    bool latent = false, moe = false;
};

Bounds bounds_of(const sim::Table& scenario) {
    sim::Table in = scenario.clone();
    const models::Model model = models::load_model(models::find_model(in, "model").string());
    const topologies::Cluster cluster = topologies::load_cluster(in, "cluster");
    Bounds out;
    out.gpus = static_cast<int>(
        std::min<std::int64_t>(in.count("gpus", 1, cluster.gpus()), cluster.gpus()));
    out.domain = cluster.gpus_per_node();
    out.layers = model.layer_count();
    if (in.has("layers"))
        out.layers = static_cast<int>(std::min<std::int64_t>(in.count("layers", 1), out.layers));
    out.sequence = static_cast<long>(
        in.table("batch").count("sequence", 1, model.max_sequence > 0 ? model.max_sequence : 4096));
    for (const models::Layer& layer : model.kinds) {
        out.heads = std::gcd(out.heads, layer.attention.heads);
        out.latent = out.latent || layer.attention.kind == "mla";
        if (!layer.moe) continue;
        out.moe = true;
        out.experts =
            out.experts == 1 ? layer.moe->experts : std::gcd(out.experts, layer.moe->experts);
    }
    return out;
}

template <class Fits>
std::vector<std::string> powers(long most, Fits fits) {
    std::vector<std::string> out;
    for (long v = 1; v <= most; v *= 2)
        if (fits(v)) out.push_back(std::to_string(v));
    return out;
}

std::vector<std::string> recompute_ladder(const Bounds& b) {
    const std::string light = std::string{"\"layernorm\""} + (b.moe ? ", \"moe_act\"" : "") +
                              (b.latent ? ", \"mla_up_proj\"" : "");
    return {"[]", "[" + light + "]",
            "[" + light + ", \"mlp\"" + (b.moe ? ", \"moe\", \"shared_experts\"" : "") + "]",
            "[\"full\"]"};
}

/// The whole number that a candidate gives to a key; `otherwise` when it gives none.
long number(const Assignments& point, const std::string& key, long otherwise) {
    for (const std::string& assignment : point)
        if (assignment.compare(0, key.size() + 1, key + "=") == 0) {
            const auto value = json_of(assignment.substr(key.size() + 1));
            return value.is_number_integer() ? value.get<long>() : otherwise;
        }
    return otherwise;
}

bool names(const Assignments& point, const std::string& key) {
    return std::any_of(point.begin(), point.end(), [&](const std::string& a) {
        return a.compare(0, key.size() + 1, key + "=") == 0;
    });
}

/// Whether the degrees fit together; the rest of the rules is the scenario's to check.
bool fits_together(const Assignments& point, const Bounds& b) {
    const auto degree = [&](const char* key) {
        return number(point, std::string{"parallel."} + key, 1);
    };
    const long tensor = degree("tensor"), context = degree("context"),
               pipeline = degree("pipeline"), stages = degree("virtual");
    const long group = degree("expert") * degree("expert_tensor");
    if (std::min({tensor, context, pipeline, stages, group}) < 1) return false;
    if (b.gpus % (tensor * context * pipeline) != 0) return false;
    if (b.gpus / pipeline % group != 0) return false;
    if (pipeline * stages > b.layers || (pipeline == 1 && stages > 1)) return false;
    return true;
}

}  // namespace

SearchSpace search_space(const sim::Table& scenario, const std::vector<SweepAxis>& given) {
    const Bounds b = bounds_of(scenario);
    SearchSpace out;
    out.gpus = b.gpus;
    out.ladder = recompute_ladder(b);
    const auto divides = [](long whole) {
        return [whole](long part) { return whole % part == 0; };
    };
    const auto any = [](long) { return true; };
    out.axes = {{"parallel.tensor", powers(std::min(kMostTensor, b.domain), divides(b.heads))},
                {"parallel.context", b.sequence >= kLongSequence
                                         ? powers(b.sequence / kLeastPerRank, divides(b.gpus))
                                         : std::vector<std::string>{"1"}},
                {"parallel.pipeline", powers(std::min(kMostPipeline, b.layers), divides(b.gpus))},
                {"parallel.virtual", powers(kMostVirtual, any)},
                {"parallel.expert", powers(b.experts, divides(b.experts))},
                {"parallel.expert_tensor", b.moe && b.experts <= kFewExperts
                                               ? powers(kMostTensor, any)
                                               : std::vector<std::string>{"1"}},
                {"batch.micro", powers(kMostMicro, any)}};
    for (const SweepAxis& axis : given) {
        if (axis.key == kRecompute) {
            out.ladder = axis.values;
            continue;
        }
        const auto known = std::find_if(out.axes.begin(), out.axes.end(),
                                        [&](const SweepAxis& a) { return a.key == axis.key; });
        if (known == out.axes.end())
            out.axes.push_back(axis);
        else
            known->values = axis.values;
    }
    return out;
}

std::vector<Assignments> candidates(const sim::Table& scenario, const SearchSpace& space,
                                    const std::vector<Condition>& where, std::uint64_t seed,
                                    std::size_t& considered) {
    const Bounds b = bounds_of(scenario);
    sim::Table base = scenario.clone();
    base.set("parallel.data=auto");
    std::size_t excluded = 0;
    std::vector<Assignments> all = combinations(base, space.axes, where, seed, excluded);
    considered = all.size();
    std::vector<Assignments> out;
    for (Assignments& point : all) {
        if (!fits_together(point, b)) continue;
        const long pipeline = number(point, "parallel.pipeline", 1),
                   stages = number(point, "parallel.virtual", 1);
        if (!names(point, "parallel.data")) point.push_back("parallel.data=auto");
        if (!names(point, "step.schedule"))
            point.push_back(std::string{"step.schedule="} + (pipeline == 1 ? "none"
                                                             : stages == 1 ? "1f1b"
                                                                           : "interleaved"));
        if (!names(point, "step.layers_per_stage"))
            point.emplace_back("step.layers_per_stage=balanced");
        out.push_back(std::move(point));
    }
    return out;
}

}  // namespace moesim::analysis
