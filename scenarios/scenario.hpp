#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "models/model.hpp"
#include "models/routing.hpp"
#include "scenarios/rank_grid.hpp"
#include "scenarios/recipe.hpp"
#include "scenarios/schedule.hpp"
#include "scenarios/training.hpp"
#include "topologies/cluster.hpp"
#include "topologies/collective.hpp"
#include "topologies/host.hpp"
#include "topologies/kernel.hpp"

namespace moesim::scenarios {

/// What runs beside what. Without an entry, a transfer and the compute of its rank take turns.
struct Overlap {
    bool ep = false;             // exchanges of one micro-batch under the compute of another
    bool shared_expert = false;  // the shared expert under dispatch and combine
    bool tp = false;             // tensor-parallel gathers and scatters beside their GEMMs
    bool pp = false;             // stage-to-stage transfers under compute
    bool grad_reduce = false;    // gradients of a stage reduced under later backwards
    bool param_gather = false;   // updated weights gathered under the first forwards
};

/// What a framework can do in few kernels, and does in many here.
struct Unfused {
    bool router = false;    // scores, top-k, maps and auxiliary loss operator by operator
    bool permute = false;   // rows moved by index operators
    bool quantize = false;  // memory and scales of each expert's operands one by one
};

/// What is captured in CUDA graphs, so that the host does not issue it kernel by kernel.
struct CudaGraphs {
    bool attn = false, mamba = false, mlp = false, moe_router = false, moe_preprocess = false,
         full = false;
    [[nodiscard]] bool any() const {
        return attn || mamba || mlp || moe_router || moe_preprocess || full;
    }
};

/// Rates (> 1: faster), times (> 1: longer) and excesses (0: none) multiplied by what if.
struct WhatIf {
    double nic = 1, nvlink = 1, gemm = 1, attention = 1, memory_bound = 1;  // rates
    double latency = 1;                                                     // times
    double contention = 1, imbalance = 1;                                   // excess over none
    double overlap = 1;  // 0: transfers and compute take turns
};

/// Modules whose outputs are thrown away and rebuilt in the backward pass.
struct Recompute {
    bool layernorm = false, mla_up_proj = false, moe_act = false, core_attn = false;
    bool mlp = false, moe = false, shared_experts = false, full = false;
    [[nodiscard]] bool has(const std::string& module) const;
};

class PlacementStrategy;

/// Who holds which expert, and how that may change. Placements are computed from micro-batches that
/// the run itself does not see.
struct PlacementPlan {
    std::string name = "contiguous";
    std::shared_ptr<const PlacementStrategy> strategy;
    int redundant = 0;                 // slots beyond one per expert, all ranks together
    std::string replicas = "uniform";  // uniform | nearest | static_local | lp
    int observed = 64;                 // micro-batches whose loads the placement is computed from
    double move_every = 0;             // steps between two placements; 0: placed once
    bool hide_moves = false;           // weights move beside the step, not after it
    std::string per_batch = "none";    // none | shadowing | least_loaded
    std::shared_ptr<const sim::Table> table;  // the [placement] table, for complaints
    double spill_threshold = 1.3, spill_capacity = 1.1, spill_chunk = 128;
};

/// What is run, complete: every key read, every default filled in.
struct Scenario {
    std::string name;
    models::Model model;
    topologies::Cluster cluster;
    topologies::Profile profile;
    topologies::Host host;
    Recipe recipe;
    Parallel parallel;
    RankGrid grid;
    int gpus = 0;
    long global_batch = 0;  // sequences
    int micro_batch = 1;    // sequences
    long sequence = 0;      // tokens
    std::string schedule_name, dispatcher_name, optimizer;
    std::shared_ptr<const Schedule> schedule;
    std::shared_ptr<const topologies::Dispatcher> dispatcher;
    std::string network = "links";      // links: one demand per loaded port; pairwise: one per pair
    std::vector<int> layers_per_stage;  // decoder layers of each stage (chunk * pipeline + rank)
    Recompute recompute;
    Overlap overlap;
    CudaGraphs cuda_graphs;
    Unfused unfused;
    std::string context_kind = "ring";  // ring | alltoall
    int group = 0;           // interleaved: micro-batches in a row through a chunk; 0: pipeline
    int flush = 0;           // micro-batches between two flushes of the pipeline; 0: the whole step
    int chunks = 1;          // parts into which the tokens of a MoE layer are cut
    bool tiles = false;      // parts are tiles of fused kernels, not kernels of their own
    int dispatcher_sms = 0;  // SMs that the exchanges hold; 0: as the profile says
    PlacementPlan placement;
    int moe_layers = 0;                              // MTP modules included
    std::shared_ptr<const models::Routing> routing;  // null for a model without experts
    WhatIf what_if;
    std::optional<Training> training;
    std::uint64_t seed = 0;
    nlohmann::ordered_json resolved;  // keys in the scenario's own words, defaults filled in

    [[nodiscard]] int micro_batches() const;  // per data-parallel replica and step
    [[nodiscard]] PipelineShape shape() const;
    /// Whether updated weights are gathered once per step (fsdp gathers them all the time).
    [[nodiscard]] bool gathers_weights() const {
        return optimizer == "zero1" || optimizer == "zero2";
    }
    [[nodiscard]] double tokens_per_step() const;
    /// Tokens of one micro-batch on one rank (tensor and context parallelism split the sequence).
    [[nodiscard]] double tokens_per_rank() const;
};

/// Reads a scenario. Throws sim::InputError, also for rules across keys, at the key to change.
Scenario read_scenario(sim::Table table, std::uint64_t seed);

/// The base followed by its [[variant]]s, each the scenario with the variant's keys changed.
std::vector<Scenario> read_variants(const sim::Table& table, std::uint64_t seed);

}  // namespace moesim::scenarios
