#include "analysis/microbench/training_shapes.hpp"

#include <algorithm>
#include <array>

namespace moesim::microbench {
namespace {

/// A decoder with grouped-query attention, and its experts (or its dense MLP: experts = 0).
/// Source: config.json of each on huggingface.co: hidden_size, num_attention_heads,
/// num_key_value_heads, head_dim, (moe_)intermediate_size. Grok-1: github.com/xai-org/grok-1,
/// run.py.
struct Decoder {
    const char* model;
    int hidden, heads, kv_heads, head_dim, width, experts;
};
constexpr std::array<Decoder, 6> kDecoders{{{"Qwen3-235B-A22B", 4096, 64, 4, 128, 1536, 128},
                                            {"Qwen3-30B-A3B", 2048, 32, 4, 128, 768, 128},
                                            {"Mixtral-8x7B-v0.1", 4096, 32, 8, 128, 14336, 8},
                                            {"gpt-oss-120b", 2880, 64, 8, 64, 2880, 128},
                                            {"grok-1", 6144, 48, 8, 128, 32768, 8},
                                            {"Llama-3.1-70B", 8192, 64, 8, 128, 28672, 0}}};

/// Source: github.com/deepseek-ai/DeepSeek-V3, inference/configs/config_671B.json: q_lora_rank
/// 1536, kv_lora_rank 512 + 64 rotary, 128 heads of 128 + 64 and 128, inter_dim 18432,
/// moe_inter_dim 2048.
constexpr std::array<Linear, 9> kDeepseek{{{1536, 7168},    // q down
                                           {576, 7168},     // k and v down
                                           {24576, 1536},   // q up
                                           {32768, 512},    // k and v up
                                           {7168, 16384},   // output
                                           {36864, 7168},   // dense gate and up
                                           {7168, 18432},   // dense down
                                           {4096, 7168},    // shared expert gate and up
                                           {7168, 2048}}};  // shared expert down

void unique(std::vector<Linear>& layers) {
    std::sort(layers.begin(), layers.end());
    layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
}

void add_mlp(std::vector<Linear>& layers, const Decoder& d) {
    layers.push_back({2 * d.width, d.hidden});
    layers.push_back({d.hidden, d.width});
}

}  // namespace

std::vector<Linear> dense_layers() {
    std::vector<Linear> out(kDeepseek.begin(), kDeepseek.end());
    for (const Decoder& d : kDecoders) {
        out.push_back({(d.heads + 2 * d.kv_heads) * d.head_dim, d.hidden});
        out.push_back({d.hidden, d.heads * d.head_dim});
        if (d.experts == 0) add_mlp(out, d);
    }
    unique(out);
    return out;
}

std::vector<Linear> expert_layers() {
    std::vector<Linear> out{{4096, 7168}, {7168, 2048}};
    for (const Decoder& d : kDecoders)
        if (d.experts > 0) add_mlp(out, d);
    unique(out);
    return out;
}

std::vector<Heads> attention_cores() {
    return {{128, 128, 192, 128},  // DeepSeek-V3
            {16, 16, 192, 128},    // the same, tensor parallel over 8
            {64, 4, 128, 128},     // Qwen3-235B
            {32, 4, 128, 128},     // Qwen3-30B
            {32, 8, 128, 128},     // Mixtral 8x7B, Llama 3 8B
            {64, 8, 64, 64},       // GPT-OSS
            {8, 1, 128, 128}};     // Llama 3 70B, tensor parallel over 8
}

}  // namespace moesim::microbench
