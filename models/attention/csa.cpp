#include <fmt/format.h>

#include <algorithm>

#include "models/attention.hpp"
#include "models/attention_keys.hpp"
#include "models/read.hpp"

namespace moesim::models {
namespace {

/// Compressed sparse attention: one key/value head of head_dim for all query heads (queries through
/// q_rank), seen through a window of the last tokens and, where `compress` > 0, through one
/// compressed key for every `compress` tokens. An indexer picks index_top_k of those. The output
/// passes o_groups block-diagonal matrices of rank o_rank before the last one.
///   compressor  value and gate h -> c head_dim each, c = 2 for the overlapping compression by 4,
///               else 1; the indexer has one of its own with index_dim
/// Sources: huggingface.co/deepseek-ai/DeepSeek-V4-Flash, config.json and inference/model.py
/// (wq_a, wq_b, wkv, wo_a, wo_b, Compressor, Indexer, attn_sink); as read through ports of it.
/// Left out: hyper-connections, which widen the residual stream around a layer.
class Compressed final : public AttentionKind {
public:
    Attention read(sim::Table& in) const override {
        Attention a;
        a.kind = "csa";
        a.heads = read_size(in, "heads", 1);
        a.kv_heads = 1;
        a.head_dim = read_size(in, "head_dim", 1);
        a.rope_dim = read_size(in, "rope_dim", 0, 0);
        a.q_rank = read_size(in, "q_rank", 1);
        a.window = read_size(in, "window", 1);
        a.compress = read_size(in, "compress", 0, 0);
        a.o_groups = read_size(in, "o_groups", 1);
        a.o_rank = read_size(in, "o_rank", 1);
        read_indexer(in, a);
        if (a.index_heads > 0 && a.compress == 0)
            in.fail("index_heads", "there are no compressed keys to pick from", "add `compress`");
        if (a.heads % a.o_groups != 0)
            in.fail("o_groups", fmt::format("{} heads in {} equal groups", a.heads, a.o_groups),
                    "write a divisor of `heads`");
        return a;
    }

    std::vector<Linear> linears(const Attention& a, int hidden) const override {
        const long d = a.head_dim, wide = long{a.heads} * d, both = 2L * copies(a);
        std::vector<Linear> out{{"q_a", "latent", hidden, a.q_rank},
                                {"kv", "latent", hidden, d},
                                {"q_b", "attention", a.q_rank, wide}};
        if (a.compress > 0) out.push_back({"compressor", "latent", hidden, both * d});
        if (a.index_heads > 0) {
            out.push_back({"index_q", "latent", a.q_rank, long{a.index_heads} * a.index_dim});
            out.push_back({"index_kw", "latent", hidden, both * a.index_dim + a.index_heads});
        }
        const double groups = a.o_groups;
        out.push_back({"o_a", "attention", wide / a.o_groups, a.o_rank, groups, groups});
        out.push_back({"o", "attention", long{a.o_groups} * a.o_rank, hidden});
        return out;
    }

    double norms(const Attention& a) const override {
        return double{1} * a.q_rank + a.head_dim + (a.compress > 0 ? a.head_dim : 0) + a.index_dim;
    }

    /// Sinks of the heads, and a bias per place in a compressed key.
    double vectors(const Attention& a, int) const override {
        return a.heads + double{1} * a.compress * copies(a) * (a.head_dim + a.index_dim);
    }

    double cached_values(const Attention& a) const override {
        return double{1} * a.head_dim / std::max(1, a.compress);
    }

    double state_values(const Attention& a) const override {
        return a.compress > 0 ? double{1} * a.window * a.head_dim : 0;
    }

    std::string describe(const Attention& a) const override {
        std::string out = fmt::format("{} heads of {} over one key, query rank {}, window {}",
                                      a.heads, a.head_dim, a.q_rank, a.window);
        if (a.compress > 0) out += fmt::format(", keys compressed by {}", a.compress);
        if (a.index_heads > 0) out += fmt::format(", {} best of them", a.index_top_k);
        return out;
    }

private:
    static int copies(const Attention& a) { return a.compress == 4 ? 2 : 1; }
};

const sim::Register<AttentionKind, Compressed> entry{
    "csa", "one shared key head, through a window and compressed keys (DeepSeek-V4)"};

}  // namespace
}  // namespace moesim::models
