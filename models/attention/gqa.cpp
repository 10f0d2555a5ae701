#include <fmt/format.h>

#include "models/attention.hpp"
#include "models/read.hpp"

namespace moesim::models {
namespace {

/// Grouped-query attention: heads share keys and values in groups. kv_heads = heads is multi-head
/// attention (MHA), kv_heads = 1 multi-query attention (MQA).
class GroupedQuery final : public AttentionKind {
public:
    Attention read(sim::Table& in) const override {
        Attention a;
        a.kind = "gqa";
        a.heads = read_size(in, "heads", 1);
        a.kv_heads = read_size(in, "kv_heads", 1, a.heads);
        a.head_dim = read_size(in, "head_dim", 1);
        if (a.heads % a.kv_heads != 0)
            in.fail("kv_heads",
                    fmt::format("{} heads cannot share {} key/value heads", a.heads, a.kv_heads),
                    "write a divisor of `heads`");
        return a;
    }

    std::vector<Linear> linears(const Attention& a, int hidden) const override {
        const long query = long{a.heads} * a.head_dim;
        const long key_value = 2L * a.kv_heads * a.head_dim;
        return {{"qkv", "attention", hidden, query + key_value}, {"o", "attention", query, hidden}};
    }

    double norms(const Attention&) const override { return 0; }

    double cached_values(const Attention& a) const override {
        return 2.0 * a.kv_heads * a.head_dim;
    }

    std::string describe(const Attention& a) const override {
        const char* name = a.kv_heads == a.heads ? "MHA" : a.kv_heads == 1 ? "MQA" : "GQA";
        return fmt::format("{}, {} heads of {}, {} key/value heads", name, a.heads, a.head_dim,
                           a.kv_heads);
    }
};

const sim::Register<AttentionKind, GroupedQuery> entry{
    "gqa", "grouped-query attention (multi-head and multi-query are its ends)"};

}  // namespace
}  // namespace moesim::models
