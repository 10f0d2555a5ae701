#pragma once

#include <string>
#include <vector>

#include "models/model.hpp"
#include "sim/registry.hpp"

namespace moesim::models {

/// What the rest of the program may ask about a kind of mixer; a new kind is a new file in
/// models/attention/ that registers itself under the word used as `attention.kind`.
class AttentionKind {
public:
    virtual ~AttentionKind() = default;
    /// The [attention] table of a model. Throws sim::InputError for a rule across its keys.
    virtual Attention read(sim::Table& in) const = 0;
    /// Weight matrices in the order in which a token passes them.
    virtual std::vector<Linear> linears(const Attention& attention, int hidden) const = 0;
    /// Parameters of the norms inside the block (the two norms around a layer's parts not counted).
    virtual double norms(const Attention& attention) const = 0;
    /// Parameters that are no matrices: biases, short convolutions, decays.
    virtual double vectors(const Attention& attention, int hidden) const;
    /// Numbers kept per token and layer while decoding (windows and indexer keys not seen to).
    virtual double cached_values(const Attention& attention) const = 0;
    /// Numbers kept per sequence and layer, however long it is.
    virtual double state_values(const Attention& attention) const;
    /// Its sizes in a few words, for people.
    virtual std::string describe(const Attention& attention) const = 0;

    /// Forward FLOPs per token of what is no weight matrix. Here: scores and weighted values over
    /// the keys that a query sees, 2 keys a (c_qk + c_v), and the indexer's scores over all.
    virtual double core_flops(const Attention& attention, long sequence, bool causal) const;
};

/// The kind that `attention.kind` names. Throws std::out_of_range for an unregistered one.
const AttentionKind& attention_kind(const std::string& name);

}  // namespace moesim::models
