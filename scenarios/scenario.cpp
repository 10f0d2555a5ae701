#include "scenarios/scenario.hpp"

#include <fmt/format.h>

#include <numeric>

#include "sim/registry.hpp"

namespace moesim::scenarios {
namespace {

Parallel read_parallel(sim::Table in) {
    Parallel p;
    p.tensor = static_cast<int>(in.count("tensor", 1, 1));
    p.context = static_cast<int>(in.count("context", 1, 1));
    p.pipeline = static_cast<int>(in.count("pipeline", 1, 1));
    p.data = static_cast<int>(in.count("data", 1, 1));
    p.expert = static_cast<int>(in.count("expert", 1, 1));
    if (in.count("virtual", 1, 1) != 1) in.fail("virtual", "interleaved stages are not modelled yet");
    if (in.count("expert_tensor", 1, 1) != 1)
        in.fail("expert_tensor", "expert tensor parallelism is not modelled yet");
    if (p.context != 1) in.fail("context", "context parallelism is not modelled yet");
    return p;
}

void check_grid(sim::Table& in, const Scenario& s) {
    const Parallel& p = s.parallel;
    const long ranks = static_cast<long>(p.tensor) * p.context * p.data * p.pipeline;
    sim::Table grid = in.table("parallel");
    if (ranks != s.gpus)
        grid.fail(grid.has("data") ? "data" : "",
                  fmt::format("tensor {} x context {} x data {} x pipeline {} = {} ranks, but the "
                              "plan has {} GPUs",
                              p.tensor, p.context, p.data, p.pipeline, ranks, s.gpus),
                  "change a degree, or set gpus to use a part of the cluster");
    const long per_stage = static_cast<long>(p.tensor) * p.context * p.data;
    if (per_stage % p.expert != 0)
        grid.fail("expert", fmt::format("{} ranks of a pipeline stage do not divide into "
                                        "expert-parallel groups of {}",
                                        per_stage, p.expert));
    for (const models::Layer& layer : s.model.kinds) {
        if (layer.attention.heads % p.tensor != 0)
            grid.fail("tensor", fmt::format("{} attention heads do not divide by {}",
                                            layer.attention.heads, p.tensor));
        if (layer.moe && layer.moe->experts % p.expert != 0)
            grid.fail("expert", fmt::format("{} experts do not divide by {} ranks",
                                            layer.moe->experts, p.expert));
    }
    if (s.routing == nullptr && p.expert > 1)
        grid.fail("expert", "the model has no experts to spread");
}

void read_batch(sim::Table& in, Scenario& s) {
    sim::Table batch = in.table("batch");
    s.global_batch = batch.count("global", 1);
    s.micro_batch = static_cast<int>(batch.count("micro", 1, 1));
    s.sequence = batch.count("sequence", 1, s.model.max_sequence > 0 ? s.model.max_sequence : 4096);
    const long per_round = static_cast<long>(s.micro_batch) * s.parallel.data;
    if (s.global_batch % per_round != 0)
        batch.fail("global", fmt::format("{} sequences do not divide into micro-batches of {} on {} "
                                         "data-parallel ranks",
                                         s.global_batch, s.micro_batch, s.parallel.data));
    if (s.sequence % (static_cast<long>(s.parallel.tensor) * s.parallel.context) != 0)
        batch.fail("sequence", fmt::format("{} tokens do not divide by tensor {} x context {}",
                                           s.sequence, s.parallel.tensor, s.parallel.context));
}

/// An even split; what is left over goes to the stages after the first, which holds the embedding.
std::vector<int> even_split(int layers, int stages) {
    std::vector<int> out(static_cast<std::size_t>(stages), layers / stages);
    for (int i = 0; i < layers % stages; ++i) ++out[static_cast<std::size_t>((i + 1) % stages)];
    return out;
}

void read_step(sim::Table& in, Scenario& s) {
    sim::Table step = in.table("step");
    using Schedules = sim::Registry<Schedule>;
    s.schedule_name =
        step.choice("schedule", Schedules::names(), s.parallel.pipeline > 1 ? "1f1b" : "none");
    s.schedule = Schedules::make(s.schedule_name);
    if (const std::string why = s.schedule->refuse(s.parallel.pipeline, s.micro_batches());
        !why.empty())
        step.fail("schedule", fmt::format("{} {} ({} pipeline ranks, {} micro-batches)",
                                          s.schedule_name, why, s.parallel.pipeline,
                                          s.micro_batches()));
    using Dispatchers = sim::Registry<topologies::Dispatcher>;
    s.dispatcher_name = step.choice("dispatcher", Dispatchers::names(), "alltoall");
    s.dispatcher = Dispatchers::make(s.dispatcher_name);
    s.recipe = load_recipe(step.text("precision", "bf16"));
    for (const std::string& module : step.texts("recompute")) {
        Recompute& r = s.recompute;
        bool* const flag = module == "layernorm"        ? &r.layernorm
                           : module == "mla_up_proj"    ? &r.mla_up_proj
                           : module == "moe_act"        ? &r.moe_act
                           : module == "core_attn"      ? &r.core_attn
                           : module == "mlp"            ? &r.mlp
                           : module == "moe"            ? &r.moe
                           : module == "shared_experts" ? &r.shared_experts
                           : module == "full"           ? &r.full
                                                        : nullptr;
        if (flag == nullptr)
            step.fail("recompute", fmt::format("unknown module '{}'", module),
                      "one of layernorm, mla_up_proj, moe_act, core_attn, mlp, moe, "
                      "shared_experts, full");
        *flag = true;
    }
    s.optimizer = step.choice("optimizer", {"none", "replicated", "zero1"}, "zero1");
    s.cuda_graphs = step.flag("cuda_graphs", false);
    step.choice("network", {"links"}, "links");
    step.choice("overlap", {"auto"}, "auto");
    for (const std::int64_t n : step.counts("layers_per_stage", 0))
        s.layers_per_stage.push_back(static_cast<int>(n));
    const int layers = s.model.layer_count(), stages = s.schedule->stages(s.parallel.pipeline);
    if (s.layers_per_stage.empty()) {
        if (layers < stages)
            in.table("parallel").fail("pipeline",
                                      fmt::format("{} stages for {} layers", stages, layers));
        s.layers_per_stage = even_split(layers, stages);
    }
    const int sum = std::accumulate(s.layers_per_stage.begin(), s.layers_per_stage.end(), 0);
    if (static_cast<int>(s.layers_per_stage.size()) != stages || sum != layers)
        step.fail("layers_per_stage",
                  fmt::format("{} stages with {} layers together, but the plan has {} stages and the "
                              "model {} layers",
                              s.layers_per_stage.size(), sum, stages, layers));
}

void read_routing(sim::Table& in, Scenario& s) {
    sim::Table routing = in.table("routing");
    models::RoutingShape shape{};
    for (int l = 0; l < s.model.layer_count(); ++l)
        if (const auto& moe = s.model.layer(l).moe) {
            shape.experts = moe->experts;
            shape.top_k = moe->top_k;
            shape.groups = moe->groups;
            shape.group_limit = moe->group_limit;
            shape.bias_balanced = moe->router.find("bias") != std::string::npos;
            ++shape.moe_layers;
        }
    shape.seed = s.seed;
    if (shape.moe_layers == 0) {
        routing.ignore("kind");
        return;
    }
    shape.moe_layers += s.model.mtp_layers;
    s.routing = models::make_routing(routing, shape);
    sim::Table placement = in.table("placement");
    s.placement = placement.choice("strategy", {"contiguous"}, "contiguous");
}

void read_what_if(sim::Table& in, WhatIf& w) {
    sim::Table table = in.table("what_if");
    const auto rate = [&](const char* key) { return table.number(key, 1e-3, 1e3, 1.0); };
    w.nic = rate("nic");
    w.nvlink = rate("nvlink");
    w.gemm = rate("gemm");
    w.attention = rate("attention");
    w.memory_bound = rate("memory_bound");
    w.latency = table.number("latency", 0, 1e3, 1.0);
    w.contention = table.number("contention", 0, 1e3, 1.0);
    w.imbalance = table.number("imbalance", 0, 1e3, 1.0);
    w.overlap = table.number("overlap", 0, 1, 1.0);
    if (w.overlap != 0 && w.overlap != 1)
        table.fail("overlap", "0 (take turns) or 1 (side by side)");
}

}  // namespace

bool Recompute::has(const std::string& module) const {
    return (module == "layernorm" && layernorm) || (module == "mla_up_proj" && mla_up_proj) ||
           (module == "moe_act" && moe_act) || (module == "core_attn" && core_attn) ||
           (module == "mlp" && mlp) || (module == "moe" && moe) ||
           (module == "shared_experts" && shared_experts) || (module == "full" && full);
}

int Scenario::micro_batches() const {
    return static_cast<int>(global_batch / (static_cast<long>(micro_batch) * parallel.data));
}
double Scenario::tokens_per_step() const {
    return static_cast<double>(global_batch) * static_cast<double>(sequence);
}
double Scenario::tokens_per_rank() const {
    return static_cast<double>(micro_batch) * static_cast<double>(sequence) /
           (parallel.tensor * parallel.context);
}

Scenario read_scenario(sim::Table in, std::uint64_t seed) {
    Scenario s;
    s.name = in.text("name", in.file().stem().string());
    s.seed = static_cast<std::uint64_t>(in.count("seed", 0, static_cast<std::int64_t>(seed)));
    s.model = models::load_model(in.text("model"));
    if (in.has("layers") || in.has("dense_layers")) {
        const auto layers = static_cast<int>(in.count("layers", 1, s.model.layer_count()));
        const auto dense = static_cast<int>(in.count("dense_layers", 0, 0));
        try {
            s.model = models::cut(s.model, layers, dense);
        } catch (const std::invalid_argument& e) {
            in.fail(in.has("dense_layers") ? "dense_layers" : "layers", e.what());
        }
    }
    if (in.has("mtp_layers"))
        s.model.mtp_layers = static_cast<int>(in.count("mtp_layers", 0));
    s.cluster = topologies::load_cluster(in.text("cluster"));
    s.profile = topologies::Profile::load(in.text("profile", s.cluster.device().profile),
                                          s.cluster.device());
    s.gpus = static_cast<int>(in.count("gpus", 1, s.cluster.gpus()));
    if (s.gpus > s.cluster.gpus())
        in.fail("gpus", fmt::format("the cluster has {} GPUs", s.cluster.gpus()));
    s.parallel = read_parallel(in.table("parallel"));
    read_routing(in, s);
    check_grid(in, s);
    read_batch(in, s);
    read_step(in, s);
    read_what_if(in, s.what_if);
    if (in.has("training")) {
        sim::Table table = in.table("training");
        Training t;
        t.tokens = static_cast<double>(table.count("tokens", 1));
        t.price_per_gpu_hour = table.number("price_per_gpu_hour", 0, 1e6,
                                            s.cluster.device().price_per_hour);
        table.ignore("mtbf_per_gpu");
        table.ignore("checkpoint");
        s.training = t;
    }
    in.ignore("variant");
    in.ignore("source");
    in.finish();
    s.resolved = in.resolved();
    s.resolved["step"]["layers_per_stage"] = s.layers_per_stage;
    return s;
}

std::vector<Scenario> read_variants(const sim::Table& table, std::uint64_t seed) {
    std::vector<Scenario> out{read_scenario(table.clone(), seed)};
    for (sim::Table& variant : table.clone().tables("variant")) {
        sim::Table changed = table.clone();
        changed.merge(variant, {});
        out.push_back(read_scenario(changed, seed));
    }
    return out;
}

}  // namespace moesim::scenarios
