#include <fmt/format.h>

#include "models/attention.hpp"
#include "models/read.hpp"

namespace moesim::models {
namespace {

/// Lightning attention: linear attention whose state [head_dim, v_dim] decays by a constant of the
/// head; a norm over the output and a gate as wide as it.
///   per token and head: 2 d v to add k v^T to the state, 2 d v to read it
/// Source: arXiv:2501.08313, section 2.2; MiniMaxAI/MiniMax-Text-01, modeling_minimax_text_01.py
/// (qkv_proj, output_gate, norm, out_proj).
class Lightning final : public AttentionKind {
public:
    Attention read(sim::Table& in) const override {
        Attention a;
        a.kind = "lightning";
        a.heads = a.kv_heads = read_size(in, "heads", 1);
        a.head_dim = read_size(in, "head_dim", 1);
        a.gate = in.flag("gate", true);
        a.scan_chunk = read_size(in, "scan_chunk", 1, 256);
        return a;
    }

    std::vector<Linear> linears(const Attention& a, int hidden) const override {
        const long wide = long{a.heads} * a.head_dim;
        return {{"qkv", "attention", hidden, (a.gate ? 4 : 3) * wide},
                {"o", "attention", wide, hidden}};
    }

    double norms(const Attention& a) const override { return double{1} * a.heads * a.head_dim; }

    double cached_values(const Attention&) const override { return 0; }

    double state_values(const Attention& a) const override {
        return double{1} * a.heads * a.head_dim * a.head_dim;
    }

    double core_flops(const Attention& a, long, bool) const override {
        return 4.0 * a.heads * a.head_dim * a.head_dim;
    }

    std::string describe(const Attention& a) const override {
        return fmt::format("lightning attention, {} heads of {}", a.heads, a.head_dim);
    }
};

const sim::Register<AttentionKind, Lightning> entry{
    "lightning", "linear attention with a fixed decay per head and an output gate"};

}  // namespace
}  // namespace moesim::models
