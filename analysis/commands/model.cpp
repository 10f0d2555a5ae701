#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "analysis/command.hpp"
#include "analysis/output.hpp"
#include "models/attention.hpp"
#include "models/counts.hpp"
#include "models/model.hpp"

namespace moesim::analysis {
namespace {

using Json = nlohmann::ordered_json;

/// What a class of parameters is called for people, in the order of printing.
constexpr std::array<std::pair<const char*, const char*>, 9> kClasses{{
    {"embedding", "embedding"},
    {"head", "head"},
    {"attention", "attention"},
    {"latent", "latent down-projections"},
    {"dense", "dense feed-forward"},
    {"shared", "shared experts"},
    {"routed", "routed experts"},
    {"router", "routers"},
    {"norms", "norms"},
}};

/// 671025397760 as 671,025,397,760.
std::string grouped(double value) {
    std::string out = fmt::format("{:.0f}", value);
    for (std::size_t at = out.size(); at > 3;) out.insert(at -= 3, ",");
    return out;
}

std::string feed_forward(const models::Layer& layer) {
    if (layer.dense)
        return fmt::format("dense, width {}{}", grouped(layer.dense->width),
                           layer.dense->gated ? ", gated" : "");
    if (layer.product_key)
        return fmt::format("{} neurons found by product keys, {} heads, top {}",
                           grouped(layer.product_key->experts), layer.product_key->heads,
                           layer.product_key->top_k);
    if (!layer.moe) return "no feed-forward part";
    const models::MoeFfn& moe = *layer.moe;
    std::string out = fmt::format("{} experts of width {}{}, top {}", moe.experts,
                                  grouped(moe.width), moe.gated ? ", gated" : "", moe.top_k);
    if (moe.group_limit < moe.groups)
        out += fmt::format(" in {} of {} groups", moe.group_limit, moe.groups);
    return out;
}

std::string feed_forward_rest(const models::Layer& layer) {
    if (!layer.moe) return {};
    std::string out = fmt::format("router {}", layer.moe->router);
    if (layer.moe->shared_experts > 0)
        out += fmt::format("; {} shared of width {}", layer.moe->shared_experts,
                           grouped(layer.moe->shared_width));
    return out;
}

std::string deviation(double computed, std::optional<double> published) {
    if (!published) return {};
    return fmt::format("   published {:.4g} B, {:+.2f} %", *published / 1e9,
                       100 * (computed / *published - 1));
}

/// One figure: what it is, the number, a remark.
std::string line(const std::string& what, const std::string& number, const std::string& remark) {
    return fmt::format("  {:<26}{:>20}{}\n", what, number, remark);
}

std::string shape_text(const models::Model& model) {
    std::string out = fmt::format("{} ({})\n", model.title, model.name);
    out += fmt::format("  {} layers, hidden {}, vocabulary {}{}", model.layer_count(),
                       grouped(model.hidden), grouped(model.vocab),
                       model.tied_embedding ? " (head tied to the embedding)" : "");
    if (model.mtp_layers > 0) out += fmt::format(", {} MTP", model.mtp_layers);
    out += fmt::format("\n  confidence of the shape: {}\n", model.confidence);
    const auto count = model.layers_of_kind();
    for (std::size_t kind = 0; kind < model.kinds.size(); ++kind) {
        if (count[kind] == 0) continue;
        const models::Layer& layer = model.kinds[kind];
        double sum = 0;
        for (const auto& [cls, parameters] : models::layer_parameters(model, layer))
            sum += parameters;
        out += fmt::format("\n{} {} layer{}, {} parameters each\n", count[kind],
                           layer.moe ? "MoE" : "dense", count[kind] == 1 ? "" : "s", grouped(sum));
        out += fmt::format("  {}\n  {}\n",
                           models::attention_kind(layer.attention.kind).describe(layer.attention),
                           feed_forward(layer));
        const std::string rest = feed_forward_rest(layer);
        if (!rest.empty()) out += fmt::format("  {}\n", rest);
    }
    return out;
}

std::string parameter_text(const models::Model& model, const models::Parameters& p) {
    std::string out = "\nParameters\n";
    for (const auto& [cls, title] : kClasses) {
        const double value = p.by_class.at(cls);
        if (value > 0)
            out += line(title, grouped(value), fmt::format("{:9.3f} %", 100 * value / p.total));
    }
    out += line("total", grouped(p.total), deviation(p.total, model.published_total));
    if (p.by_class.at("mtp") > 0)
        out += line("MTP, not in the total", grouped(p.by_class.at("mtp")), "");
    out += "\nActive parameters per token\n";
    const auto active = [&](const char* what, const char* convention, double value) {
        const bool theirs = model.active_convention == convention;
        out += line(what, grouped(value),
                    deviation(value, theirs ? model.published_active : std::nullopt));
    };
    active("with embedding and head", "with_embedding", p.active_with_embedding);
    active("without input embedding", "without_input_embedding", p.active_without_input_embedding);
    active("without both", "without_embedding", p.active_without_embedding);
    return out;
}

std::string cost_text(const models::Model& model, const models::Flops& f, long sequence) {
    const auto giga = [](double flops) { return fmt::format("{:.3f} GFLOP", flops / 1e9); };
    std::string out =
        fmt::format("\nPer token at a sequence of {}\n", grouped(static_cast<double>(sequence)));
    out += line("forward, causal", giga(f.forward_causal), "");
    out += line("training, causal", giga(f.training_causal), "   3 x forward; no router, no MTP");
    out += line("training, non-causal", giga(f.training_noncausal),
                "   the same, every score counted");
    out += line("training, Megatron-LM", giga(f.megatron),
                model.mtp_layers > 0 ? "   causal, MTP counted" : "   causal");
    out += line("key/value cache", grouped(models::kv_bytes_per_token(model)) + " B", "   BF16");
    return out;
}

Json to_json(const models::Model& model, const models::Parameters& p, const models::Flops& f,
             long sequence) {
    Json out;
    out["name"] = model.name;
    out["parameters"] = {{"total", p.total},
                         {"active",
                          {{"with_embedding", p.active_with_embedding},
                           {"without_input_embedding", p.active_without_input_embedding},
                           {"without_embedding", p.active_without_embedding}}},
                         {"by_class", p.by_class}};
    out["sequence"] = sequence;
    out["flops_per_token"] = {{"forward", f.forward_causal},
                              {"training_causal", f.training_causal},
                              {"training_noncausal", f.training_noncausal},
                              {"megatron", f.megatron}};
    out["kv_bytes_per_token"] = models::kv_bytes_per_token(model);
    out["confidence"] = model.confidence;
    out["shape"] = model.resolved();
    return out;
}

/// moesim model NAME|FILE: what a model is made of and what a token costs in it.
class ModelCommand final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("model", name_, "a model of the zoo, or a TOML file")->required();
        app.add_option("--sequence", sequence_, "tokens per sequence for the FLOPs")
            ->check(CLI::Range(1L, 1'000'000'000L))
            ->capture_default_str();
        app.add_option("--json", json_, "write the figures to this file, - for standard output");
    }

    int run(const Session&) override {
        const models::Model model = models::load_model(name_);
        const models::Parameters p = models::parameters(model);
        const models::Flops f = models::flops_per_token(model, sequence_);
        if (json_ != "-")
            say(shape_text(model) + parameter_text(model, p) + cost_text(model, f, sequence_));
        if (!json_.empty()) write_json(json_, to_json(model, p, f, sequence_));
        return 0;
    }

private:
    std::string name_;
    std::string json_;
    long sequence_ = 4096;
};

const sim::Register<Command, ModelCommand> entry{"model", "what a model is made of and costs"};

}  // namespace
}  // namespace moesim::analysis
