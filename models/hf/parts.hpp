#pragma once

#include <string>
#include <vector>

#include "models/hf/family.hpp"

namespace moesim::models::hf {

using Json = nlohmann::ordered_json;

/// What most families spell alike. All throw sim::InputError at the member that is wrong.

/// hidden, layers, vocab, tied_embedding, max_sequence.
Json whole(const Config& in, bool tied = false);

/// [attention] of kind gqa. num_key_value_heads defaults to the heads, head_dim to `head_dim` or,
/// when that is 0, to hidden_size / num_attention_heads.
Json grouped_query(const Config& in, int head_dim = 0);

/// [attention] of kind mla. `q_rank`: what a q_lora_rank that is left out means (null is none).
Json latent_attention(const Config& in, int q_rank);

/// [moe] with experts and choices from the first of these members that is there.
/// Throws for more choices than experts.
Json experts(const Config& in, const std::vector<std::string>& experts_keys,
             const std::vector<std::string>& top_k_keys, int width);

/// Adds n_group and topk_group; 1 or null is none.
void add_groups(const Config& in, Json& moe, int groups, int limit);

/// The intermediate_size of a dense block as [dense], gated.
Json dense(const Config& in, std::string_view key = "intermediate_size");

/// "AABA" as runs, "A2BA".
std::string runs(const std::string& letters);

/// One letter of `words` per entry of the list at `key`, [layers]; an entry that is in none of them
/// is refused. `letters`: {"full_attention", 'F'}, ...
std::string letters(const Config& in, std::string_view key, int layers,
                    const std::vector<std::pair<std::string, char>>& words);

/// True for the layers of `moe` ("moe_layers", "mlp_only_layers", ...) [layers].
std::vector<bool> listed(const Config& in, std::string_view key, int layers);

}  // namespace moesim::models::hf
