#pragma once

#include <cstdint>
#include <vector>

namespace moesim::microbench {

/// A linear layer: `in` -> `out` features.
struct Linear {
    std::int64_t out, in;
    auto operator<=>(const Linear&) const = default;
};

/// Linear layers of DeepSeek-V3, Qwen3-235B and -30B, Mixtral 8x7B, GPT-OSS-120B, Grok-1 and Llama
/// 3 70B that every token passes (attention projections, dense and shared MLP), each once, sorted.
/// Gated MLPs have gate and up in one product, attention has q, k and v in one.
std::vector<Linear> dense_layers();

/// The two products of a routed expert of the models with experts, gate and up in one.
std::vector<Linear> expert_layers();

/// Heads of an attention core as one GPU sees it.
struct Heads {
    int heads, kv_heads, qk_dim, v_dim;
};
std::vector<Heads> attention_cores();

}  // namespace moesim::microbench
