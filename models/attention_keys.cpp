#include "models/attention_keys.hpp"

#include <fmt/format.h>

#include <utility>

#include "models/read.hpp"

namespace moesim::models {

void check_shared_heads(const sim::Table& in, const Attention& a, const char* heads,
                        const char* kv_heads) {
    if (a.heads % a.kv_heads != 0)
        in.fail("kv_heads",
                fmt::format("{} {} cannot share {} {}", a.heads, heads, a.kv_heads, kv_heads),
                "write a divisor of `heads`");
}

void read_indexer(sim::Table& in, Attention& a) {
    a.index_heads = read_size(in, "index_heads", 0, 0);
    for (const auto& [key, value] :
         {std::pair{"index_dim", &a.index_dim}, {"index_top_k", &a.index_top_k}}) {
        if (a.index_heads > 0)
            *value = read_size(in, key, 1);
        else if (in.has(key))
            in.fail(key, "there is no indexer", "add `index_heads`");
    }
}

Attention read_delta_net(sim::Table& in, const char* kind) {
    Attention a;
    a.kind = kind;
    a.heads = read_size(in, "heads", 1);
    a.kv_heads = read_size(in, "kv_heads", 1, a.heads);
    a.head_dim = read_size(in, "head_dim", 1);
    a.v_dim = read_size(in, "v_dim", 1, a.head_dim);
    a.conv = read_size(in, "conv", 0, 4);
    a.scan_chunk = read_size(in, "scan_chunk", 1, 64);
    check_shared_heads(in, a, "value heads", "key heads");
    return a;
}

}  // namespace moesim::models
