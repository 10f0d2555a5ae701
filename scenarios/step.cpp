#include "scenarios/step.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/paths.hpp"
#include "sim/registry.hpp"

namespace moesim::scenarios {
namespace {

constexpr std::int64_t kMost = 100'000'000;  // of ranks, layers, sequences, ...
constexpr int kMostChunks = 1000;
constexpr double kMostPasses = 2e6;  // micro-batches x layers; each is about ten tasks

/// A word of a list and the flag that it sets.
template <class Flags>
using Words = std::vector<std::pair<std::string, bool Flags::*>>;

const Words<Recompute> kModules{{"layernorm", &Recompute::layernorm},
                                {"mla_up_proj", &Recompute::mla_up_proj},
                                {"moe_act", &Recompute::moe_act},
                                {"core_attn", &Recompute::core_attn},
                                {"mlp", &Recompute::mlp},
                                {"moe", &Recompute::moe},
                                {"full", &Recompute::full},
                                {"shared_experts", &Recompute::shared_experts}};

const Words<Overlap> kOverlaps{{"ep", &Overlap::ep},
                               {"shared_expert", &Overlap::shared_expert},
                               {"tp", &Overlap::tp},
                               {"pp", &Overlap::pp},
                               {"grad_reduce", &Overlap::grad_reduce},
                               {"param_gather", &Overlap::param_gather}};

const Words<CudaGraphs> kScopes{{"attn", &CudaGraphs::attn},
                                {"mamba", &CudaGraphs::mamba},
                                {"mlp", &CudaGraphs::mlp},
                                {"moe_router", &CudaGraphs::moe_router},
                                {"moe_preprocess", &CudaGraphs::moe_preprocess},
                                {"full", &CudaGraphs::full}};

/// Sets the flags named in the array `key`. what: "module", "overlap", ... for messages.
template <class Flags>
void read_words(sim::Table& in, const std::string& key, const char* what, const Words<Flags>& words,
                Flags& flags) {
    const std::vector<std::string> found = in.texts(key);
    for (std::size_t i = 0; i < found.size(); ++i) {
        bool known = false;
        for (const auto& [word, flag] : words)
            if (word == found[i]) flags.*flag = known = true;
        if (known) continue;
        std::vector<std::string> all;
        for (const auto& [word, flag] : words) all.push_back(word);
        const std::string near = sim::nearest(found[i], all);
        in.refuse(fmt::format("{}.{}", key, i), fmt::format("unknown {} '{}'", what, found[i]),
                  near.empty()
                      ? fmt::format("known: {}", fmt::join(all, ", "))
                      : fmt::format("did you mean '{}'?\nknown: {}", near, fmt::join(all, ", ")));
    }
}

const Words<Unfused> kFusions{
    {"router", &Unfused::router}, {"permute", &Unfused::permute}, {"quantize", &Unfused::quantize}};

/// "auto": pairs of schedules that have them, stage-to-stage transfers; "none"; or an array.
void read_overlap(sim::Table& step, Scenario& s) {
    if (!step.has("overlap") || step.is_text("overlap")) {
        const bool none = step.choice("overlap", {"auto", "none"}, "auto") == "none";
        s.overlap.ep = !none && s.schedule->paired();
        s.overlap.pp = !none;
        return;
    }
    read_words(step, "overlap", "overlap", kOverlaps, s.overlap);
    if (s.overlap.ep && !s.schedule->can_pair())
        step.fail("overlap", fmt::format("{} has no pairs of a forward and a backward, under which "
                                         "exchanges could run",
                                         s.schedule_name));
    if (s.overlap.ep && s.overlap.shared_expert)
        step.fail("overlap", "ep and shared_expert both claim the compute beside an exchange",
                  "one of them");
}

/// true: everything; false: nothing; or an array of scopes.
void read_graphs(sim::Table& step, Scenario& s) {
    if (step.is_array("cuda_graphs"))
        read_words(step, "cuda_graphs", "scope", kScopes, s.cuda_graphs);
    else
        s.cuda_graphs.full = step.flag("cuda_graphs", false);
}

/// Formats of the main gradient (and its reduction) and of the moments, where the plan names them.
void read_formats(sim::Table& step, Recipe& r) {
    const std::vector<std::string> formats{"fp32", "bf16"};
    const bool given = step.has("gradient_format"), moments = step.has("moments");
    const bool wide =
        step.choice("gradient_format", formats, r.gradient_bytes > 2 ? "fp32" : "bf16") == "fp32";
    if (given) r.gradient_bytes = r.reduce_bytes = wide ? 4 : 2;
    const bool full =
        step.choice("moments", formats, r.moment_bytes > 4 ? "fp32" : "bf16") == "fp32";
    if (moments) r.moment_bytes = full ? 8 : 4;
}

/// What is left over goes to the stages after the first, which holds the embedding.
std::vector<int> even_split(int layers, int stages) {
    std::vector<int> out(static_cast<std::size_t>(stages), layers / stages);
    for (int i = 0; i < layers % stages; ++i) ++out[static_cast<std::size_t>((i + 1) % stages)];
    return out;
}

}  // namespace

int checked(const sim::Table& in, std::string_view key, std::int64_t value) {
    if (value > kMost)
        in.fail(key, fmt::format("{} is more than any plan has", value),
                fmt::format("at most {}", kMost));
    return static_cast<int>(value);
}
int small(sim::Table& in, std::string_view key, int least) {
    return checked(in, key, in.count(key, least));
}
int small(sim::Table& in, std::string_view key, int least, int fallback) {
    return checked(in, key, in.count(key, least, fallback));
}

void read_step(sim::Table& in, Scenario& s) {
    sim::Table step = in.table("step");
    using Schedules = sim::Registry<Schedule>;
    s.schedule_name = step.choice("schedule", Schedules::names(),
                                  s.parallel.pipeline == 1         ? "none"
                                  : s.parallel.virtual_stages == 1 ? "1f1b"
                                                                   : "interleaved");
    s.schedule = Schedules::make(s.schedule_name);
    using Dispatchers = sim::Registry<topologies::Dispatcher>;
    std::vector<std::string> dispatchers = Dispatchers::names();
    dispatchers.emplace_back("auto");
    s.dispatcher_name = step.choice("dispatcher", dispatchers, "alltoall");
    if (s.dispatcher_name == "auto")
        s.dispatcher_name = topologies::pick_dispatcher(s.cluster, s.parallel.expert);
    s.dispatcher = Dispatchers::make(s.dispatcher_name);
    s.dispatcher_sms = small(step, "dispatcher_sms", 0, 0);
    if (const int sms = s.cluster.device().sms; s.dispatcher_sms > 0 && s.dispatcher_sms >= sms)
        step.fail("dispatcher_sms", fmt::format("{} of the {} SMs of {} leave none to compute",
                                                s.dispatcher_sms, sms, s.cluster.device().name));
    std::string precision = step.text("precision", "bf16");
    if (step.has("precision"))
        precision = sim::find_data(step, "precision", "scenarios/recipes").string();
    s.recipe = load_recipe(precision);
    read_formats(step, s.recipe);
    read_words(step, "recompute", "module", kModules, s.recompute);
    s.optimizer =
        step.choice("optimizer", {"none", "replicated", "zero1", "zero2", "fsdp"}, "zero1");
    s.context_kind = step.choice("context_kind", {"ring", "alltoall"}, "ring");
    read_graphs(step, s);
    read_words(step, "unfused", "fusion", kFusions, s.unfused);
    s.network = step.choice("network", {"links", "pairwise"}, "links");
    if (s.network == "pairwise" && s.parallel.expert_tensor > 1)
        step.fail("network", "pairs are not modelled with parallel.expert_tensor");
    s.group = small(step, "group", 0, 0);
    s.flush = small(step, "flush", 0, 0);
    s.chunks = small(step, "chunks", 1, 1);
    if (s.chunks > 1024)
        step.fail("chunks", "more parts than any layer is cut into", "at most 1024");
    s.tiles = step.choice("chunk_kind", {"kernels", "tiles"}, "kernels") == "tiles";
    if (s.tiles && s.chunks == 1)
        step.fail("chunk_kind", "one chunk has no tiles", "step.chunks of 8, say");
    read_overlap(step, s);
    if (s.overlap.ep && s.chunks > 1)
        step.fail("chunks",
                  "the exchanges of a layer in parts run under its own experts, not under "
                  "another micro-batch (overlap \"ep\")");
    if (s.overlap.shared_expert && s.chunks > 1)
        step.fail("chunks", "a layer in parts has no room for the shared expert under its dispatch",
                  "drop shared_expert from step.overlap");
    if (step.is_text("layers_per_stage"))
        step.choice("layers_per_stage", {"even", "balanced"});
    else
        for (const std::int64_t n : step.counts("layers_per_stage", 0))
            s.layers_per_stage.push_back(checked(step, "layers_per_stage", n));
}

void check_schedule(sim::Table& in, Scenario& s) {
    sim::Table step = in.table("step"), grid = in.table("parallel");
    const int chunks = s.schedule->chunks();
    if (chunks > 0 && grid.has("virtual") && s.parallel.virtual_stages != chunks)
        grid.fail("virtual",
                  fmt::format("{} has {} per pipeline rank", s.schedule_name,
                              chunks == 1 ? "one stage" : fmt::format("{} stages", chunks)),
                  chunks == 1 ? "step.schedule = \"interleaved\" has any number" : "");
    if (chunks > 0) s.parallel.virtual_stages = chunks;
    if (s.parallel.virtual_stages > kMostChunks)
        grid.fail("virtual",
                  fmt::format("{} stages per pipeline rank are more than any model has layers for",
                              s.parallel.virtual_stages),
                  fmt::format("at most {}", kMostChunks));
    const double passes =
        1.0 * s.micro_batches() * std::max(s.model.layer_count(), s.schedule->stages(s.shape()));
    if (passes > kMostPasses)
        in.table("batch").fail(
            "global",
            fmt::format("{:.3g} passes of a micro-batch through a layer or stage are more than "
                        "can be simulated",
                        passes),
            fmt::format("at most {:.0f}: larger micro-batches, or more data-parallel ranks",
                        kMostPasses));
    if (s.group > 0 && chunks != 0)
        step.fail("group", fmt::format("{} has no groups of micro-batches", s.schedule_name),
                  "step.schedule = \"interleaved\" has them");
    if (s.flush > 0 && s.micro_batches() % s.flush != 0)
        step.fail("flush",
                  fmt::format("{} micro-batches do not divide into flushes of {}",
                              s.micro_batches(), s.flush),
                  fmt::format("a divisor of {}", s.micro_batches()));
    PipelineShape shape = s.shape();
    if (s.flush > 0) shape.micro_batches = s.flush;
    if (const std::string why = s.schedule->refuse(shape); !why.empty())
        step.fail("schedule", fmt::format("{} {} ({} pipeline ranks, {} micro-batches)",
                                          s.schedule_name, why, shape.ranks, shape.micro_batches));
}

void split_layers(sim::Table& in, Scenario& s) {
    sim::Table step = in.table("step");
    const int layers = s.model.layer_count(), stages = s.schedule->stages(s.shape());
    if (s.layers_per_stage.empty()) {
        if (layers < stages)
            in.table("parallel")
                .fail(s.parallel.virtual_stages > 1 ? "virtual" : "pipeline",
                      fmt::format("{} stages for {} layers", stages, layers),
                      "at least one layer for each stage, or step.layers_per_stage");
        const bool balanced =
            step.is_text("layers_per_stage") && step.text("layers_per_stage") == "balanced";
        s.layers_per_stage = balanced ? balanced_layers(s, stages) : even_split(layers, stages);
    }
    long sum = 0;
    for (const int n : s.layers_per_stage) sum += n;
    if (static_cast<int>(s.layers_per_stage.size()) != stages || sum != layers)
        step.fail(
            "layers_per_stage",
            fmt::format("{} stages with {} layers together, but the plan has {} stages and the "
                        "model {} layers",
                        s.layers_per_stage.size(), sum, stages, layers));
}

}  // namespace moesim::scenarios
