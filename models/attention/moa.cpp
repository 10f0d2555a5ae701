#include <fmt/format.h>

#include "models/attention.hpp"
#include "models/attention_keys.hpp"
#include "models/read.hpp"

namespace moesim::models {
namespace {

/// Mixture of attention heads: an expert is a query and an output projection of heads / top_k
/// heads; keys and values are common. `heads` are those a token uses, all chosen experts together.
/// Experts live where the layer lives: nothing is exchanged.
/// Sources: arXiv:2404.07413, section 2.2; huggingface/transformers, models/jetmoe.
class AttentionHeads final : public AttentionKind {
public:
    Attention read(sim::Table& in) const override {
        Attention a;
        a.kind = "moa";
        a.heads = read_size(in, "heads", 1);
        a.kv_heads = read_size(in, "kv_heads", 1, a.heads);
        a.head_dim = read_size(in, "head_dim", 1);
        a.experts = read_size(in, "experts", 1);
        a.top_k = read_size(in, "top_k", 1);
        if (a.top_k > a.experts)
            in.fail("top_k", fmt::format("{} of {} experts", a.top_k, a.experts),
                    "a token chooses at most every expert once");
        if (a.heads % a.top_k != 0)
            in.fail("heads", fmt::format("{} heads in {} equal experts", a.heads, a.top_k),
                    "a multiple of `top_k`");
        check_shared_heads(in, a);
        return a;
    }

    std::vector<Linear> linears(const Attention& a, int hidden) const override {
        const long queries = long{a.heads} / a.top_k * a.head_dim;
        const double held = a.experts, passed = a.top_k;
        return {{"moa_router", "router", hidden, a.experts},
                {"q", "attention", hidden, queries, held, passed},
                {"kv", "attention", hidden, 2L * a.kv_heads * a.head_dim},
                {"o", "attention", queries, hidden, held, passed}};
    }

    double norms(const Attention& a) const override {
        static_cast<void>(a);
        return 0;
    }

    double cached_values(const Attention& a) const override {
        return 2.0 * a.kv_heads * a.head_dim;
    }

    std::string describe(const Attention& a) const override {
        return fmt::format("{} of {} experts of {} heads of {}, {} key/value heads", a.top_k,
                           a.experts, a.heads / a.top_k, a.head_dim, a.kv_heads);
    }
};

const sim::Register<AttentionKind, AttentionHeads> entry{
    "moa", "mixture of attention heads: experts are query and output projections"};

}  // namespace
}  // namespace moesim::models
