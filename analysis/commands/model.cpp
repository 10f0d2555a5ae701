#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "analysis/command.hpp"
#include "analysis/model_memory.hpp"
#include "analysis/output.hpp"
#include "models/attention.hpp"
#include "models/counts.hpp"
#include "models/hf/import.hpp"
#include "models/model.hpp"
#include "models/zoo.hpp"

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

/// "  note: ..." in lines that end before column 100; nothing when there is no text.
std::string remark(const std::string& what, const std::string& text) {
    if (text.empty()) return {};
    std::string out, line = fmt::format("  {}:", what);
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find(' ', begin), text.size());
        const std::string word = text.substr(begin, end - begin);
        if (line.size() + 1 + word.size() > 99) {
            out += line + "\n";
            line = std::string(what.size() + 3, ' ');
        }
        line += " " + word;
        begin = end + 1;
    }
    return out + line + "\n";
}

std::string import_text(const models::Import& import) {
    if (import.family.empty()) return {};
    std::string out = fmt::format("  read as a config.json of the family {}\n", import.family);
    out += remark("left out there, filled in", fmt::format("{}", fmt::join(import.filled, ", ")));
    for (const std::string& part : import.ignored) out += remark("passed over", part);
    return out;
}

std::string shape_text(const models::Model& model) {
    std::string out = fmt::format("{} ({})\n", model.title, model.name);
    out += fmt::format("  {} layers, hidden {}, vocabulary {}{}", model.layer_count(),
                       grouped(model.hidden), grouped(model.vocab),
                       model.tied_embedding ? " (head tied to the embedding)" : "");
    if (model.mtp_layers > 0) out += fmt::format(", {} MTP", model.mtp_layers);
    out += fmt::format("\n  confidence of the shape: {}\n", model.confidence);
    out +=
        remark("assumed", model.assumed) + remark("note", model.note) + import_text(model.import);
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

std::string memory_text(const Json& memory) {
    const auto giga = [](double bytes) { return fmt::format("{:.2f} GB", bytes / 1e9); };
    std::string out = fmt::format(
        "\nMemory of the hottest rank ({}), {} GPUs, {:g} times the mean rows\n",
        memory.at("hottest_rank").get<std::string>(), memory.at("plan").at("gpus").dump(),
        memory.at("load_max_over_mean").get<double>());
    for (const auto& [cls, bytes] : memory.at("by_class").items())
        out += line(cls == "buffers" ? "dispatch buffers" : cls, giga(bytes.get<double>()), "");
    const double peak = memory.at("peak_bytes").get<double>();
    return out + line("peak", giga(peak),
                      fmt::format("   {} {} of {}",
                                  memory.at("fits").get<bool>() ? "fits the" : "does not fit the",
                                  giga(memory.at("capacity_bytes").get<double>()),
                                  memory.at("device").get<std::string>()));
}

/// What each kind of layer holds, in the order of first appearance.
Json per_layer(const models::Model& model) {
    Json out = Json::array();
    const auto count = model.layers_of_kind();
    for (std::size_t kind = 0; kind < model.kinds.size(); ++kind) {
        double sum = 0;
        const auto classes = models::layer_parameters(model, model.kinds[kind]);
        for (const auto& [cls, parameters] : classes) sum += parameters;
        out.push_back(
            {{"kind", kind}, {"layers", count[kind]}, {"parameters", sum}, {"by_class", classes}});
    }
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
                         {"by_class", p.by_class},
                         {"per_layer", per_layer(model)}};
    out["sequence"] = sequence;
    out["flops_per_token"] = {{"forward", f.forward_causal},
                              {"training_causal", f.training_causal},
                              {"training_noncausal", f.training_noncausal},
                              {"megatron", f.megatron}};
    out["kv_bytes_per_token"] = models::kv_bytes_per_token(model);
    out["confidence"] = model.confidence;
    if (!model.note.empty()) out["note"] = model.note;
    if (!model.assumed.empty()) out["assumed"] = model.assumed;
    if (!model.import.family.empty())
        out["import"] = {{"family", model.import.family},
                         {"filled", model.import.filled},
                         {"ignored", model.import.ignored}};
    out["shape"] = model.resolved();
    return out;
}

/// moesim model NAME|FILE: what a model is made of and what a token costs in it.
class ModelCommand final : public Command {
public:
    void add_options(CLI::App& app) override {
        app.add_option("model", name_,
                       "a model of the zoo or one of its aliases, a TOML, or a config.json")
            ->required();
        app.add_option("--sequence", plan_.sequence, "tokens per sequence")
            ->check(CLI::Range(1L, 1'000'000'000L))
            ->capture_default_str();
        app.add_option("--json", json_, "write the figures to this file, - for standard output");
        app.add_flag("--toml", toml_,
                     "print the model as a TOML to begin with, from a config.json");
        app.add_option("--parallel", plan_.parallel,
                       "memory under a plan: tensor=1,pipeline=16,expert=64,data=128 (or tp pp ep "
                       "dp cp etp vpp)");
        const auto needs_plan = [&](CLI::Option* option) { option->needs("--parallel"); };
        needs_plan(
            app.add_option("--recipe", plan_.recipe, "precision recipe")->capture_default_str());
        needs_plan(app.add_option("--device", plan_.device, "device")->capture_default_str());
        needs_plan(app.add_option("--micro-batch", plan_.micro_batch, "sequences")
                       ->check(CLI::Range(1, 1'000'000))
                       ->capture_default_str());
        needs_plan(app.add_option("--load", plan_.load, "rows of the hottest rank over the mean")
                       ->check(CLI::Range(1.0, 1e6))
                       ->capture_default_str());
        needs_plan(app.add_option("--schedule", plan_.schedule, "pipeline schedule"));
        needs_plan(app.add_option("--optimizer", plan_.optimizer, "optimizer sharding"));
        needs_plan(app.add_option("--recompute", plan_.recompute, "modules, with commas between"));
    }

    int run(const Session&) override {
        const std::string path = models::find_model(name_).string();
        if (toml_) {
            say(path.ends_with(".json") ? models::hf::toml_of_config(path)
                                        : sim::read_text_file(path));
            return 0;
        }
        const models::Model model = models::load_model(path);
        const models::Parameters p = models::parameters(model);
        const models::Flops f = models::flops_per_token(model, plan_.sequence);
        Json memory;
        if (!plan_.parallel.empty()) memory = model_memory(model, path, plan_);
        if (json_ != "-") {
            say(shape_text(model) + parameter_text(model, p) + cost_text(model, f, plan_.sequence));
            if (!memory.is_null()) say(memory_text(memory));
        }
        Json out = to_json(model, p, f, plan_.sequence);
        if (!memory.is_null()) out["memory"] = memory;
        if (!json_.empty()) write_json(json_, out);
        return memory.is_null() || memory.at("fits").get<bool>() ? 0 : 1;
    }

private:
    std::string name_, json_;
    bool toml_ = false;
    ModelPlan plan_;
};

const sim::Register<Command, ModelCommand> entry{"model", "what a model is made of and costs"};

}  // namespace
}  // namespace moesim::analysis
