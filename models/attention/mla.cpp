#include <fmt/format.h>

#include "models/attention.hpp"
#include "models/attention_keys.hpp"
#include "models/read.hpp"

namespace moesim::models {
namespace {

/// Multi-head latent attention: queries (when q_rank > 0), keys and values pass a low-rank latent;
/// one rotary key of rope_dim is shared by all heads. Only the latent and that key are cached.
/// With index_heads an indexer scores every key from the query latent and one shared key per token,
/// and a query attends to the index_top_k best only.
/// Sources: arXiv:2405.04434, section 2.1; arXiv:2412.19437, section 2.1.1; the indexer:
/// deepseek-ai/DeepSeek-V3.2-Exp, inference/model.py (wq_b, wk, weights_proj, norm with bias of k).
class Latent final : public AttentionKind {
public:
    Attention read(sim::Table& in) const override {
        Attention a;
        a.kind = "mla";
        a.heads = a.kv_heads = read_size(in, "heads", 1);
        a.q_rank = read_size(in, "q_rank", 0, 0);
        a.kv_rank = read_size(in, "kv_rank", 1);
        a.nope_dim = read_size(in, "nope_dim", 1);
        a.rope_dim = read_size(in, "rope_dim", 0);
        a.v_dim = read_size(in, "v_dim", 1);
        read_indexer(in, a);
        return a;
    }

    std::vector<Linear> linears(const Attention& a, int hidden) const override {
        const long queries = long{a.heads} * (a.nope_dim + a.rope_dim);
        const Linear kv_a{"kv_a", "latent", hidden, long{a.kv_rank} + a.rope_dim};
        const Linear kv_b{"kv_b", "attention", a.kv_rank, long{a.heads} * (a.nope_dim + a.v_dim)};
        const Linear o{"o", "attention", long{a.heads} * a.v_dim, hidden};
        std::vector<Linear> out{kv_a, {"q", "attention", hidden, queries}, kv_b, o};
        if (a.q_rank > 0)
            out = {{"q_a", "latent", hidden, a.q_rank},
                   kv_a,
                   {"q_b", "attention", a.q_rank, queries},
                   kv_b,
                   o};
        if (a.index_heads > 0) {
            const long from = a.q_rank > 0 ? a.q_rank : hidden;
            out.push_back({"index_q", "latent", from, long{a.index_heads} * a.index_dim});
            out.push_back({"index_kw", "latent", hidden, long{a.index_dim} + a.index_heads});
        }
        return out;
    }

    double norms(const Attention& a) const override {
        return double{1} * a.q_rank + a.kv_rank + 2.0 * a.index_dim;
    }

    double cached_values(const Attention& a) const override {
        return double{1} * a.kv_rank + a.rope_dim;
    }

    std::string describe(const Attention& a) const override {
        std::string out =
            fmt::format("MLA, {} heads, q {}, kv {} + {}, head {} + {} / {}", a.heads, a.q_rank,
                        a.kv_rank, a.rope_dim, a.nope_dim, a.rope_dim, a.v_dim);
        if (a.index_heads > 0)
            out += fmt::format(", {} best keys of {} index heads", a.index_top_k, a.index_heads);
        return out;
    }
};

const sim::Register<AttentionKind, Latent> entry{
    "mla", "latent attention: low-rank queries, keys and values with one shared rotary key"};

}  // namespace
}  // namespace moesim::models
