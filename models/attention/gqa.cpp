#include <fmt/format.h>

#include "models/attention.hpp"
#include "models/attention_keys.hpp"
#include "models/read.hpp"

namespace moesim::models {
namespace {

/// Grouped-query attention: heads share keys and values in groups. kv_heads = heads is multi-head
/// attention (MHA), kv_heads = 1 multi-query attention (MQA).
///   q_rank     queries pass a low rank first (Step-3's multi-matrix factorisation)
///   gate       the output is multiplied by sigmoid(x W), W as wide as it (Qwen3-Next)
///   shares_kv  keys and values are those of the layer before (cross-layer attention)
class GroupedQuery final : public AttentionKind {
public:
    Attention read(sim::Table& in) const override {
        Attention a;
        a.kind = "gqa";
        a.heads = read_size(in, "heads", 1);
        a.kv_heads = read_size(in, "kv_heads", 1, a.heads);
        a.head_dim = read_size(in, "head_dim", 1);
        a.v_dim = read_size(in, "v_dim", 0, 0);
        a.q_rank = read_size(in, "q_rank", 0, 0);
        a.qk_norm = in.flag("qk_norm", false);
        a.gate = in.flag("gate", false);
        a.bias = in.choice("bias", {"none", "qkv", "all"}, "none");
        check_shared_heads(in, a);
        return a;
    }

    std::vector<Linear> linears(const Attention& a, int hidden) const override {
        const long out = long{a.heads} * a.value_dim();
        const long queries = long{a.heads} * a.head_dim + (a.gate ? out : 0);
        const long keys = a.shares_kv ? 0 : long{a.kv_heads} * (a.head_dim + a.value_dim());
        const Linear o{"o", "attention", out, hidden};
        if (a.q_rank == 0) return {{"qkv", "attention", hidden, queries + keys}, o};
        std::vector<Linear> all{{"q_a", "latent", hidden, a.q_rank},
                                {"q_b", "attention", a.q_rank, queries}};
        if (keys > 0) all.push_back({"kv", "attention", hidden, keys});
        all.push_back(o);
        return all;
    }

    double norms(const Attention& a) const override {
        return double{1} * a.q_rank + (a.qk_norm ? 2.0 * a.head_dim : 0);
    }

    double vectors(const Attention& a, int hidden) const override {
        if (a.bias == "none") return 0;
        double out = a.bias == "all" ? hidden : 0;
        for (const Linear& linear : linears(a, hidden))
            if (linear.name != "o") out += static_cast<double>(linear.out);
        return out;
    }

    double cached_values(const Attention& a) const override {
        return a.shares_kv ? 0 : double{1} * a.kv_heads * (a.head_dim + a.value_dim());
    }

    std::string describe(const Attention& a) const override {
        const char* name = a.kv_heads == a.heads ? "MHA" : a.kv_heads == 1 ? "MQA" : "GQA";
        std::string out = fmt::format("{}, {} heads of {}, {} key/value heads", name, a.heads,
                                      a.head_dim, a.kv_heads);
        if (a.q_rank > 0) out += fmt::format(", query rank {}", a.q_rank);
        if (a.gate) out += ", gated";
        if (a.shares_kv) out += ", keys of the layer before";
        return out;
    }
};

const sim::Register<AttentionKind, GroupedQuery> entry{
    "gqa", "grouped-query attention (multi-head and multi-query are its ends)"};

}  // namespace
}  // namespace moesim::models
