#pragma once

#include "models/model.hpp"
#include "sim/input.hpp"

namespace moesim::models {

// Keys and rules that several kinds of mixer share. Each throws sim::InputError.

/// Refuses kv_heads that do not divide heads. The words are what messages call the two.
void check_shared_heads(const sim::Table& in, const Attention& attention,
                        const char* heads = "heads", const char* kv_heads = "key/value heads");

/// index_heads, and index_dim and index_top_k, which go with it and with nothing else.
void read_indexer(sim::Table& in, Attention& attention);

/// The sizes of a delta net: value heads, key heads that they share, head sizes, convolution,
/// chunk.
Attention read_delta_net(sim::Table& in, const char* kind);

}  // namespace moesim::models
