#include "analysis/validation/row_scenario.hpp"

#include <fmt/format.h>

#include <numeric>

#include "analysis/validation/row_settings.hpp"

namespace moesim::analysis {
namespace {

/// What one published run says, recipe before row, and what is assumed where neither does.
class Writer {
public:
    Writer(const Published& row, const std::map<std::string, std::string>& recipe)
        : row_{row}, recipe_{recipe} {}

    RowScenario out;

    /// The recipe's field, else the row's.
    [[nodiscard]] const std::string& field(const std::string& name) const {
        const auto at = recipe_.find(name);
        return at != recipe_.end() && !at->second.empty() ? at->second : row_.field(name);
    }
    [[nodiscard]] const std::string& recipe(const std::string& name) const {
        static const std::string none;
        const auto at = recipe_.find(name);
        return at != recipe_.end() ? at->second : none;
    }
    [[nodiscard]] bool recipe_says_yes(const std::string& name) const {
        return recipe(name).starts_with("yes");
    }
    [[nodiscard]] std::optional<long> count(const std::string& name) const {
        if (const auto layers = layers_of(recipe(name)); layers && layers->size() == 1)
            return layers->front();
        return row_.count(name);
    }
    void set(const std::string& key, const std::string& literal) {
        out.assignments.push_back(key + "=" + literal);
    }
    void set(const std::string& key, long value) { set(key, std::to_string(value)); }
    void assume(const std::string& key, const std::string& literal, const std::string& why) {
        set(key, literal);
        out.assumed.push_back(fmt::format("{} = {}: {}", key, literal, why));
    }
    /// `literal` when the field says something; else the fallback, noted.
    void set_or(const std::string& key, const std::optional<std::string>& literal,
                const std::string& fallback, const std::string& why) {
        literal ? set(key, *literal) : assume(key, fallback, why);
    }
    [[nodiscard]] bool has_recipe() const { return !recipe_.empty(); }
    [[nodiscard]] const Published& row() const { return row_; }

private:
    const Published& row_;
    const std::map<std::string, std::string>& recipe_;
};

struct Degrees {
    long gpus, tp, pp, vpp, ep, etp, cp, dp;
};

/// False when the row does not say how the model was laid out.
bool layout(Writer& w, Degrees& d) {
    const auto gpus = w.row().count("gpus"), tp = w.count("tp"), pp = w.count("pp"),
               ep = w.count("ep");
    if (!gpus || *gpus == 0)
        w.out.refused = "the number of GPUs is not stated";
    else if (!tp || !pp)
        w.out.refused = "the layout (tp, pp) is not stated";
    else if (!w.count("global_batch") || !w.count("seq_len"))
        w.out.refused = "batch or sequence length is not stated";
    if (!w.out.refused.empty()) return false;
    d = {*gpus,
         *tp,
         *pp,
         w.count("vpp").value_or(1),
         std::max(1L, ep.value_or(1)),
         1,
         w.count("cp").value_or(1),
         1};
    if (const auto etp = w.row().count("etp")) d.etp = *etp;
    if (w.recipe("etp").find("= TP") != std::string::npos)
        d.etp = d.tp;
    else if (const auto etp = layers_of(w.recipe("etp")))
        d.etp = etp->front();
    const long model_parallel = d.tp * d.pp * d.cp;
    if (model_parallel == 0 || d.gpus % model_parallel != 0) {
        w.out.refused =
            fmt::format("{} GPUs do not divide by tp {} x pp {} x cp {}", d.gpus, d.tp, d.pp, d.cp);
        return false;
    }
    d.dp = d.gpus / model_parallel;
    return true;
}

void write_model(Writer& w) {
    w.set("model", fmt::format("\"{}\"", w.row().field("model")));
    if (const auto layers = w.row().count("layers")) w.set("layers", *layers);
    if (const auto dense = w.row().count("dense_layers"); dense && w.row().count("layers"))
        w.set("dense_layers", *dense);
    const std::string& mtp = w.recipe("mtp_layers");
    if (!mtp.empty() && mtp.front() >= '0' && mtp.front() <= '9')
        w.set("mtp_layers", mtp.front() - '0');
    else if (mentions(w.row().field("model"), "w/o MTP"))
        w.set("mtp_layers", 0);
}

/// A cluster of the row's GPUs: HGX nodes of eight under a rail-optimised fabric, or NVLink racks.
/// Of a rack's 72 GPUs 64 are used when there are several racks: groups of 8 to 64 ranks then
/// do not straddle two.
void write_cluster(Writer& w, const Degrees& d) {
    const std::string& gpu = w.row().field("gpu_type");
    std::string name = gpu;
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    w.set("gpus", d.gpus);
    if (gpu == "H800")
        w.set("cluster", mentions(w.row().field("inter_node_net"), "MRFT")
                             ? "\"deepseek-h800-2048-mrft\""
                             : "\"deepseek-h800-2048\"");
    else if (gpu.starts_with("GB") && d.gpus > 72)
        w.assume("cluster",
                 fmt::format("{{name = \"{}-nvl72-8racks\", nodes = {}, gpus_per_node = 64, "
                             "nodes_per_leaf = 16}}",
                             name, (d.gpus + 63) / 64),
                 "64 of the 72 GPUs of a rack");
    else if (gpu.starts_with("GB"))
        w.set("cluster", fmt::format("\"{}-nvl72\"", name));
    else
        w.set("cluster", fmt::format("{{name = \"dgx-{}\", nodes = {}}}", name,
                                     std::max(1L, (d.gpus + 7) / 8)));
}

void write_grid(Writer& w, Degrees& d) {
    const auto layers = layers_of(w.recipe("layers_per_stage"));
    if (layers && static_cast<long>(layers->size()) > d.pp &&
        static_cast<long>(layers->size()) % d.pp == 0) {
        const long vpp = static_cast<long>(layers->size()) / d.pp;
        if (vpp != d.vpp)
            w.out.assumed.push_back(fmt::format(
                "parallel.virtual = {}: from the layer split, the table prints {}", vpp, d.vpp));
        d.vpp = vpp;
    }
    w.set("parallel.tensor", d.tp);
    w.set("parallel.context", d.cp);
    w.set("parallel.pipeline", d.pp);
    w.set("parallel.virtual", d.vpp);
    w.set("parallel.data", d.dp);
    w.set("parallel.expert", d.ep);
    w.set("parallel.expert_tensor", d.etp);
    if (layers && static_cast<long>(layers->size()) == d.pp * d.vpp && layers->size() > 1)
        w.set("step.layers_per_stage", fmt::format("[{}]", fmt::join(*layers, ", ")));
}

void write_batch(Writer& w) {
    w.set("batch.global", *w.count("global_batch"));
    w.set("batch.sequence", *w.count("seq_len"));
    if (const auto micro = w.count("micro_batch"))
        w.set("batch.micro", *micro);
    else
        w.assume("batch.micro", "1", "not stated");
}

void write_overlap(Writer& w) {
    if (!w.has_recipe()) {
        if (mentions(w.row().field("schedule_overlap"), "no overlap"))
            w.set("step.overlap", "\"none\"");
        else
            w.assume("step.overlap", "\"none\"", "Megatron-Core's defaults overlap nothing");
        return;
    }
    std::string names;
    const auto add = [&](const char* name, bool on) {
        if (on) names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", name);
    };
    const bool fsdp = w.recipe("fsdp_kind").find("FSDP") != std::string::npos &&
                      !w.recipe("fsdp_kind").starts_with("none");
    add("ep", w.recipe_says_yes("ep_overlap"));
    add("shared_expert", w.recipe_says_yes("shared_expert_overlap"));
    add("tp", w.recipe_says_yes("tp_overlap"));
    add("pp", w.recipe_says_yes("p2p_overlap"));
    add("grad_reduce", fsdp || w.recipe_says_yes("overlap_grad_reduce"));
    add("param_gather", fsdp || w.recipe_says_yes("overlap_param_gather"));
    w.set("step.overlap", "[" + names + "]");
}

void write_optimizer(Writer& w) {
    const std::string& fsdp = w.recipe("fsdp_kind");
    if (!fsdp.empty() && !fsdp.starts_with("none")) {
        w.set("step.optimizer", "\"fsdp\"");
        if (mentions(w.recipe("notes"), "local batch 8 with microbatch 1")) w.set("step.flush", 8);
    } else if (w.has_recipe()) {
        w.set("step.optimizer",
              w.recipe_says_yes("dist_optimizer") ? "\"zero1\"" : "\"replicated\"");
    } else if (mentions(w.row().field("schedule_overlap"), "distributed optimizer")) {
        w.set("step.optimizer", "\"zero1\"");
    } else {
        w.assume("step.optimizer", "\"zero1\"", "usual for models of this size");
    }
    const std::string& reduce = w.recipe("grad_reduce_dtype");
    if (reduce == "bf16")
        w.set("step.gradient_format", "\"bf16\"");
    else if (reduce == "fp32")
        w.set("step.gradient_format", "\"fp32\"");
    else if (mentions(w.row().field("schedule_overlap"), "FP32 main gradients"))
        w.set("step.gradient_format", "\"fp32\"");
    else
        w.assume("step.gradient_format", "\"fp32\"", "the framework's default, not stated");
    const std::string& states = w.recipe("optimizer_states");
    w.set("step.moments",
          mentions(states, "m bf16") || mentions(states, "bf16 m") ? "\"bf16\"" : "\"fp32\"");
}

void write_unfused(Writer& w) {
    std::string names;
    const auto add = [&](const char* name, bool on) {
        if (on) names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", name);
    };
    add("router", w.recipe("router_fusion").starts_with("no"));
    add("permute", w.recipe("permute_fusion").starts_with("no"));
    add("quantize", mentions(w.recipe("notes"), "scale-factor fill not yet fused"));
    w.set("step.unfused", "[" + names + "]");
}

void write_step(Writer& w, const Degrees& d) {
    w.set("step.schedule", d.pp == 1 ? "\"none\"" : d.vpp > 1 ? "\"interleaved\"" : "\"1f1b\"");
    const std::string precision = w.recipe("fp8_recipe").empty() || w.recipe("fp8_recipe")[0] == 'n'
                                      ? w.field("precision")
                                      : w.recipe("fp8_recipe");
    w.set_or("step.precision", precision_of(precision), "\"bf16\"", "not stated");
    if (d.ep > 1) {
        auto dispatcher = dispatcher_of(w.recipe("dispatcher"));
        if (!dispatcher) dispatcher = dispatcher_of(w.row().field("schedule_overlap"));
        w.set_or("step.dispatcher", dispatcher, "\"alltoall\"", "Megatron-Bridge's default");
        if (const auto sms = layers_of(w.recipe("dispatcher_sms").substr(0, 2)))
            w.set("step.dispatcher_sms", sms->front());
    }
    w.set_or("step.recompute", recompute_of(w.recipe("recompute")), "[]",
             "Megatron-Core's default, not stated");
    w.set_or("step.cuda_graphs", cuda_graphs_of(w.recipe("cuda_graph")), "false",
             "Megatron-Core's default, not stated");
    write_unfused(w);
    write_overlap(w);
    write_optimizer(w);
}

void write_routing(Writer& w) {
    const std::string& routing = w.field("routing");
    if (mentions(routing, "token drop")) {
        w.set("routing.kind", "\"balanced\"");
        w.set("routing.capacity_factor", "1.0");
        w.set("routing.pad_to_capacity", "true");
        return;
    }
    if (mentions(routing, "force-balanced") || mentions(routing, "fake_balanced"))
        w.set("routing.kind", "\"balanced\"");
    else
        w.assume("routing.kind", "\"balanced\"",
                 "a benchmark table; the skew of its router is not published");
}

/// DeepSeek's own framework, of which only the scenario of its report is known.
void write_hai_llm(Writer& w, const Degrees& d) {
    write_model(w);
    w.set("mtp_layers", 1);
    write_cluster(w, d);
    w.set("parallel", fmt::format("{{tensor = {}, pipeline = {}, data = {}, expert = {}}}", d.tp,
                                  d.pp, d.dp, d.ep));
    write_batch(w);
    w.set("step.schedule", "\"dualpipe\"");
    w.set("step.dispatcher", "\"deepep\"");
    w.set("step.precision", "\"fp8\"");
    w.set("step.recompute", "[\"layernorm\", \"mla_up_proj\"]");
    w.set("step.optimizer", "\"zero1\"");
    w.assume("routing.kind", "\"measured\"", "a trained router; shares of another model's");
}

}  // namespace

RowScenario row_scenario(const Published& row, const std::map<std::string, std::string>& recipe) {
    Writer w{row, recipe};
    Degrees d{};
    if (!layout(w, d)) return std::move(w.out);
    if (mentions(row.field("framework"), "HAI-LLM")) {
        write_hai_llm(w, d);
        return std::move(w.out);
    }
    write_model(w);
    write_cluster(w, d);
    write_grid(w, d);
    write_batch(w);
    write_step(w, d);
    write_routing(w);
    return std::move(w.out);
}

}  // namespace moesim::analysis
