#include "scenarios/scenario.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "models/router_switches.hpp"
#include "models/zoo.hpp"
#include "scenarios/placement.hpp"
#include "scenarios/step.hpp"
#include "sim/paths.hpp"
#include "sim/registry.hpp"

namespace moesim::scenarios {
namespace {

/// data = "auto": what the other degrees leave of the GPUs.
int read_data(sim::Table& in, const Parallel& p, int gpus) {
    if (!in.is_text("data") || in.text("data") != "auto") return small(in, "data", 1, 1);
    const std::int64_t others = std::int64_t{1} * p.tensor * p.context * p.pipeline;
    if (gpus % others != 0)
        in.fail("data", fmt::format("{} GPUs do not divide by tensor {} x context {} x pipeline {}",
                                    gpus, p.tensor, p.context, p.pipeline));
    return static_cast<int>(gpus / others);
}

void read_parallel(sim::Table in, Scenario& s) {
    Parallel& p = s.parallel;
    p.tensor = small(in, "tensor", 1, 1);
    p.context = small(in, "context", 1, 1);
    p.pipeline = small(in, "pipeline", 1, 1);
    p.data = read_data(in, p, s.gpus);
    p.expert = small(in, "expert", 1, 1);
    p.expert_tensor = small(in, "expert_tensor", 1, 1);
    if (in.has("virtual")) p.virtual_stages = small(in, "virtual", 1);  // else the schedule's
    s.grid = RankGrid::read(in, p);
}

void check_grid(sim::Table& in, const Scenario& s) {
    const Parallel& p = s.parallel;
    const double ranks = 1.0 * p.tensor * p.context * p.data * p.pipeline;  // may be absurdly many
    sim::Table grid = in.table("parallel");
    if (ranks != s.gpus)
        grid.fail(
            grid.has("data") ? "data" : "",
            fmt::format("tensor {} x context {} x data {} x pipeline {} = {:.15g} ranks, but the "
                        "plan has {} GPUs",
                        p.tensor, p.context, p.data, p.pipeline, ranks, s.gpus),
            "change a degree, or set gpus to use a part of the cluster");
    const long per_stage = static_cast<long>(p.tensor) * p.context * p.data;
    const long group = static_cast<long>(p.expert) * p.expert_tensor;
    if (per_stage % group != 0)
        grid.fail(p.expert_tensor > 1 && per_stage % p.expert == 0 ? "expert_tensor" : "expert",
                  fmt::format("{} ranks of a pipeline stage do not divide into "
                              "expert-parallel groups of {}",
                              per_stage, group),
                  fmt::format("a divisor of {}", per_stage));
    for (const models::Layer& layer : s.model.kinds) {
        if (layer.attention.heads % p.tensor != 0)
            grid.fail("tensor",
                      fmt::format("{} attention heads do not divide by {}", layer.attention.heads,
                                  p.tensor),
                      fmt::format("a divisor of {}", layer.attention.heads));
        if (s.context_kind == "alltoall" && layer.attention.heads / p.tensor % p.context != 0)
            grid.fail(
                "context",
                fmt::format("{} attention heads of a tensor-parallel rank do not divide by {}",
                            layer.attention.heads / p.tensor, p.context),
                "fewer ranks, or step.context_kind = \"ring\"");
        if (layer.moe && layer.moe->width % p.expert_tensor != 0)
            grid.fail("expert_tensor",
                      fmt::format("experts of width {} do not divide by {}", layer.moe->width,
                                  p.expert_tensor),
                      fmt::format("a divisor of {}", layer.moe->width));
        if (layer.moe && layer.moe->experts % p.expert != 0)
            grid.fail(
                "expert",
                fmt::format("{} experts do not divide by {} ranks", layer.moe->experts, p.expert),
                fmt::format("a divisor of {}", layer.moe->experts));
    }
    if (s.routing == nullptr && group > 1)
        grid.fail(p.expert > 1 ? "expert" : "expert_tensor", "the model has no experts to spread");
}

void read_batch(sim::Table& in, Scenario& s) {
    sim::Table batch = in.table("batch");
    s.global_batch = small(batch, "global", 1);
    s.micro_batch = small(batch, "micro", 1, 1);
    s.sequence =
        small(batch, "sequence", 1, s.model.max_sequence > 0 ? s.model.max_sequence : 4096);
}

void check_batch(sim::Table& in, const Scenario& s) {
    const sim::Table batch = in.table("batch");
    const long per_round = static_cast<long>(s.micro_batch) * s.parallel.data;
    if (s.global_batch % per_round != 0)
        batch.fail("global",
                   fmt::format("{} sequences do not divide into micro-batches of {} on {} "
                               "data-parallel ranks",
                               s.global_batch, s.micro_batch, s.parallel.data),
                   fmt::format("a multiple of {}", per_round));
    if (s.sequence % (static_cast<long>(s.parallel.tensor) * s.parallel.context) != 0)
        batch.fail("sequence", fmt::format("{} tokens do not divide by tensor {} x context {}",
                                           s.sequence, s.parallel.tensor, s.parallel.context));
}

void read_routing(sim::Table& in, Scenario& s) {
    sim::Table routing = in.table("routing");
    models::RoutingShape shape{};
    for (int l = 0; l < s.model.layer_count(); ++l)
        if (const auto& moe = s.model.layer(l).moe) {
            shape.experts = moe->experts;
            shape.top_k = moe->routed_choices();
            shape.groups = moe->groups;
            shape.group_limit = moe->group_limit;
            shape.per_group = moe->per_group;
            shape.expert_choice = moe->router == "expert_choice";
            shape.bias_balanced = moe->router.find("bias") != std::string::npos;
            ++shape.moe_layers;
        }
    shape.seed = s.seed;
    if (shape.moe_layers == 0) {
        routing.ignore("kind");
        return;
    }
    shape.mtp_layers = s.model.mtp_layers;
    shape.moe_layers += s.model.mtp_layers;
    s.moe_layers = shape.moe_layers;
    s.routing = models::make_routing(routing, shape);
}

void read_placement(sim::Table& in, Scenario& s) {
    sim::Table table = in.table("placement");
    PlacementPlan& plan = s.placement;
    plan.table = std::make_shared<const sim::Table>(table);
    std::vector<std::string> names = PlacementStrategies::names();
    const std::vector<std::string> moving{"shadowing", "least_loaded"};
    names.insert(names.end(), moving.begin(), moving.end());
    plan.name = table.choice("strategy", names, "contiguous");
    const bool per_batch = std::find(moving.begin(), moving.end(), plan.name) != moving.end();
    if (per_batch) plan.per_batch = plan.name;
    plan.strategy = PlacementStrategies::make(per_batch ? "contiguous" : plan.name, table);
    plan.redundant = small(table, "redundant", 0, 0);
    plan.replicas =
        table.choice("replicas", {"uniform", "nearest", "static_local", "lp"}, "uniform");
    plan.observed = small(table, "observed", 1, 64);
    plan.move_every = table.number("move_every", 0, 1e9, 0);
    if (plan.move_every > 0 && plan.move_every < 1)
        table.fail("move_every", "more than one placement in a step", "0: never; else at least 1");
    plan.hide_moves = table.flag("hide_moves", false);
    if (plan.per_batch == "least_loaded") {
        plan.spill_threshold = table.number("threshold", 1, 1e6, 1.3);
        plan.spill_capacity = table.number("capacity", 1, 1e6, 1.1);
        plan.spill_chunk = table.number("chunk", 1, 1e9, 128);
    }
    if (!s.routing) return;
    if (per_batch && s.network == "pairwise")
        table.fail("strategy", plan.name + " is not modelled with step.network = \"pairwise\"");
    if (plan.redundant > 0 && !plan.strategy->replicates())
        table.fail("redundant", plan.name + " places every expert once");
    if (plan.redundant % s.parallel.expert != 0)
        table.fail("redundant", fmt::format("{} slots do not divide over {} ranks", plan.redundant,
                                            s.parallel.expert));
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
        table.fail("overlap", fmt::format("expected 0 or 1, found {}", w.overlap),
                   "0: transfers and compute take turns; 1: side by side");
}

}  // namespace

bool Recompute::has(const std::string& module) const {
    return (module == "layernorm" && layernorm) || (module == "mla_up_proj" && mla_up_proj) ||
           (module == "moe_act" && moe_act) || (module == "core_attn" && core_attn) ||
           (module == "mlp" && mlp) || (module == "moe" && moe) ||
           (module == "shared_experts" && shared_experts) || (module == "full" && full);
}

PipelineShape Scenario::shape() const {
    return {parallel.pipeline, micro_batches(), parallel.virtual_stages, group, overlap.ep};
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
    s.model = models::load_model(models::find_model(in, "model").string());
    if (in.has("layers") || in.has("dense_layers")) {
        const int layers = small(in, "layers", 1, s.model.layer_count());
        const int dense = small(in, "dense_layers", 0, 0);
        try {
            s.model = models::cut(s.model, layers, dense);
        } catch (const std::invalid_argument& e) {
            in.fail(in.has("dense_layers") ? "dense_layers" : "layers", e.what());
        }
    }
    models::switch_routers(in.table("routing"), s.model);
    if (in.has("mtp_layers")) s.model.mtp_layers = small(in, "mtp_layers", 0);
    s.cluster = topologies::load_cluster(in, "cluster");
    // An empty profile is a wish too: costs from the device's peaks alone.
    std::string profile = in.text("profile", s.cluster.device().profile);
    if (in.has("profile") && !profile.empty())
        profile = sim::find_data(in, "profile", "topologies/profiles").string();
    s.profile = topologies::Profile::load(profile, s.cluster.device());
    std::string host = in.text("host", s.cluster.device().host);
    if (in.has("host")) host = sim::find_data(in, "host", "topologies/hosts").string();
    s.host = topologies::load_host(host);
    s.gpus = small(in, "gpus", 1, s.cluster.gpus());
    if (s.gpus > s.cluster.gpus())
        in.fail("gpus",
                fmt::format("the plan has {} GPUs, the cluster {}", s.gpus, s.cluster.gpus()),
                "lower it, or name a larger cluster");
    read_parallel(in.table("parallel"), s);
    read_routing(in, s);
    read_batch(in, s);
    read_step(in, s);
    read_placement(in, s);
    read_what_if(in, s.what_if);
    if (in.has("training")) {
        sim::Table table = in.table("training");
        s.training = read_training(table, s.cluster);
    }
    // Known words, whether they are there or not.
    for (const char* key : {"layers", "dense_layers", "mtp_layers", "training"})
        if (!in.has(key)) in.ignore(key);
    in.ignore("variant");
    // What other commands than run read; none of it changes the step.
    for (const char* key : {"source", "sweep", "plan", "claim"}) in.ignore(key);
    in.finish();  // before the rules: a misspelt key is often why one is broken
    check_grid(in, s);
    s.grid.check(in.table("parallel"));
    check_batch(in, s);
    check_training(in, s);
    check_schedule(in, s);
    split_layers(in, s);
    s.resolved = in.resolved();
    s.resolved["parallel"]["data"] = s.parallel.data;
    s.resolved["parallel"]["virtual"] = s.parallel.virtual_stages;
    s.resolved["step"]["layers_per_stage"] = s.layers_per_stage;
    if (s.resolved["cluster"].is_object()) s.resolved["cluster"].update(s.cluster.resolved());
    if (in.has("faults")) s.resolved["faults"] = s.cluster.resolved()["faults"];
    if (s.resolved["step"]["dispatcher"] == "auto")
        s.resolved["step"]["dispatcher_picked"] = s.dispatcher_name;
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
