#pragma once

#include <map>
#include <string>
#include <vector>

#include "models/model.hpp"

namespace moesim::models {

/// The weight matrices of a layer's attention, in the order in which a token passes them.
/// MLA: q_a (h -> q_rank), kv_a (h -> kv_rank + rope), q_b, kv_b, o. GQA: qkv, o. Those of a
/// repeated block stand there as often; those of cross attention are called cross_*.
std::vector<Linear> attention_linears(const Layer& layer, int hidden);
/// The matrices of its feed-forward part: dense or shared experts, and one routed expert
/// (gate and up as one matrix [h, 2f] when gated), and the router.
std::vector<Linear> ffn_linears(const Layer& layer, int hidden);
/// Its biases, as matrices with one row. Counted, not costed.
std::vector<Linear> ffn_vectors(const Layer& layer, int hidden);

/// Parameters of a model. `total` has norms and no MTP; classes sum to total + mtp.
struct Parameters {
    double total = 0;
    double active_with_embedding = 0;
    double active_without_input_embedding = 0;
    double active_without_embedding = 0;
    std::map<std::string, double> by_class;  // embedding head attention latent dense shared routed
                                             // router norms mtp; when there are any: position
                                             // extra product_key
};
Parameters parameters(const Model& model);
/// Parameters of one layer by class (norms included).
std::map<std::string, double> layer_parameters(const Model& model, const Layer& layer);

/// FLOPs per token at a sequence length; a multiply-add is 2. Router and MTP are left out of the
/// first three; training = 3 x forward, recomputation not counted. megatron:
/// num_floating_point_operations of Megatron-LM (causal half, MTP as layers, its norm terms,
/// windows and indexers not seen). Windows and chunks shorten the others; an encoder-decoder's
/// token is taken to pass both stacks; convolutions and other elementwise work is left out.
struct Flops {
    double forward_causal = 0;
    double training_causal = 0;
    double training_noncausal = 0;
    double megatron = 0;
};
Flops flops_per_token(const Model& model, long sequence);

/// Bytes of key/value cache per token in BF16 (sliding windows ignored, an indexer's keys and what
/// cross attention keeps of the source left out).
double kv_bytes_per_token(const Model& model);
/// Bytes of recurrent state (and of convolutions) per sequence in BF16.
double state_bytes_per_sequence(const Model& model);

}  // namespace moesim::models
