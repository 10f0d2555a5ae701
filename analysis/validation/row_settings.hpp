#pragma once

#include <optional>
#include <string>
#include <vector>

namespace moesim::analysis {

/// How the words of published tables and of recipes.csv translate into scenario values. Each takes
/// the field's text and gives a TOML literal, or nothing for text that it does not know.

/// "MXFP8", "FP8-CS (per-tensor current scaling)", "FP8 blockwise", "NVFP4", "BF16", ...
std::optional<std::string> precision_of(const std::string& text);
/// bf16, fp8, mxfp8, nvfp4: what the null model of a validation groups by.
std::string precision_class(const std::string& text);
/// "NCCL alltoall", "DeepEP, no A2A overlap", "HybridEP", ...
std::optional<std::string> dispatcher_of(const std::string& text);
/// "none", "selective: mla_up_proj, mlp", "full block activation checkpointing" as a TOML array.
std::optional<std::string> recompute_of(const std::string& text);
/// "none", "transformer_engine: attn, moe_router", "full layer (...)" as a flag or TOML array.
std::optional<std::string> cuda_graphs_of(const std::string& text);
/// "4-4-4-1" as its numbers; nothing for "all" or other text.
std::optional<std::vector<int>> layers_of(const std::string& text);

/// Whether text contains word, whatever the case.
bool mentions(const std::string& text, const std::string& word);

}  // namespace moesim::analysis
