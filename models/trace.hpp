#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "models/routing.hpp"

namespace moesim::models {

/// The experts that each token chose in each MoE layer.
///
///     layer 0   | token 0: 13 14 29 | token 1: ... | ...          tokens in the same order in
///     layer 1   | token 0:  8 19 13 | token 1: ... | ...          every layer
///               |<----- group 0 ------>|<-- group 1 --> ...
struct Trace {
    int experts = 0;
    int top_k = 0;
    std::vector<std::string> groups;                  // names: requests, batches, ...
    std::vector<int> layers;                          // ascending; MTP layers follow
    std::vector<std::size_t> begin;                   // [groups + 1] first token of each
    std::vector<std::vector<std::uint16_t>> choices;  // [layers][tokens x top_k]

    [[nodiscard]] std::size_t tokens() const { return begin.back(); }
};

/// What becomes a group (a kind of sequence): what the file tells apart at most, a request of a CSV
/// or the tokens of one line of a router trace; all lines of a rank or step; or everything.
enum class TraceGroup { request, rank, step, all };

/// Per-token choices of a CSV. Columns by name, in any order:
///     token       names a token (a whole number); has one row for each layer
///     layer, e0 .. e(k-1)
///     request, phase, token_index   optional; rows of another phase than asked for are left out
/// phase  "" for all. The last line must end with a newline: a number cut off there looks whole.
/// Throws sim::InputError (path:line:column) for an expert out of range or twice in a token, a row
/// given twice or missing, and so on. group is `request` or `all`.
Trace read_trace_csv(const std::filesystem::path& path, const RoutingShape& shape, TraceGroup group,
                     const std::string& phase);

/// Router traces of Megatron-LM (--moe-routing-trace-path): a router_trace_rank<r>.jsonl, or a
/// folder of them. One line per (step, block, layer) with the fields step, block ("decoder" or
/// "mtp"), mtp_idx, layer, rank, num_tokens, topk, top_indices [num_tokens][topk]; others are
/// passed over. A line of a layer that the same step and rank had before begins another
/// micro-batch. Throws sim::InputError (path:line, JSON pointer; path:line:column for what is not
/// JSON). Source: Megatron-LM, megatron/core/transformer/moe/router_trace.py. Left out: pipeline
/// stages, which number their layers from 0 each.
Trace read_trace_jsonl(const std::filesystem::path& path, const RoutingShape& shape,
                       TraceGroup group);

/// The experts that TensorRT-LLM recorded token by token: a folder of rank<r>_raw.safetensors (or
/// token_selected_experts_rank<r>.safetensors), or one such file. Tensors <iteration>_<layer>,
/// [tokens][top_k]. Throws sim::InputError at the file and tensor. Source: TensorRT-LLM,
/// expert_statistic.py.
Trace read_trace_safetensors(const std::filesystem::path& path, const RoutingShape& shape,
                             TraceGroup group);

/// A run of tokens in one layer, as the readers find them.
struct TraceChunk {
    int group = 0;
    int layer = 0;           // index into the layers
    std::size_t at = 0;      // of its first choice in the pool
    std::size_t tokens = 0;  // each top_k choices
};

/// Puts the chunks of each (layer, group) after one another, in the order given, into `trace`,
/// which has its groups and layers; groups without tokens go. Throws sim::InputError unless a group
/// has as many tokens in every layer.
void assemble(const std::filesystem::path& path, std::vector<TraceChunk> chunks,
              const std::vector<std::uint16_t>& pool, Trace& trace);

}  // namespace moesim::models
