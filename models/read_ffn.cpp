#include <fmt/format.h>

#include <cmath>

#include "models/read.hpp"
#include "models/read_parts.hpp"

namespace moesim::models {

const std::vector<std::string> kRouters{"softmax",       "softmax_bias",  "sigmoid",
                                        "sigmoid_bias",  "sqrt_softplus", "sqrt_softplus_bias",
                                        "noisy_softmax", "sparsemixer",   "expert_choice",
                                        "hash"};

void check_choice(const sim::Table& in, const MoeFfn& moe) {
    if (moe.top_k > moe.experts)
        in.fail("top_k", fmt::format("{} of {} experts", moe.top_k, moe.experts),
                "a token chooses at most every expert once");
    if (moe.experts % moe.groups != 0)
        in.fail("groups",
                fmt::format("{} experts are not divisible by {}", moe.experts, moe.groups),
                "groups are equally large");
    if (moe.group_limit > moe.groups)
        in.fail("group_limit", fmt::format("{} of {} groups", moe.group_limit, moe.groups),
                fmt::format("at most {}", moe.groups));
    const int reachable = moe.experts / moe.groups * moe.group_limit;
    if (moe.top_k > reachable)
        in.fail("group_limit",
                fmt::format("{} groups hold {} experts, fewer than top_k = {}", moe.group_limit,
                            reachable, moe.top_k),
                "raise `group_limit` or lower `top_k`");
    if (moe.per_group > 0 && std::int64_t{moe.per_group} * moe.groups != moe.top_k)
        in.fail("per_group",
                fmt::format("{} choices in each of {} groups are not top_k = {}", moe.per_group,
                            moe.groups, moe.top_k),
                "top_k = per_group x groups");
}

namespace {

/// Noam Shazeer's two levels: a gate over groups, then one over the experts of a chosen group.
void read_two_levels(sim::Table& in, MoeFfn& moe) {
    moe.gate_groups = read_size(in, "gate_groups", 0, 0);
    if (moe.gate_groups == 0) return;
    if (moe.experts % moe.gate_groups != 0)
        in.fail("gate_groups",
                fmt::format("{} experts are not divisible by {}", moe.experts, moe.gate_groups),
                "groups are equally large");
    moe.gate_choices = read_size(in, "gate_choices", 1, 1);
    if (moe.gate_choices > moe.gate_groups || moe.gate_choices > moe.top_k)
        in.fail("gate_choices",
                fmt::format("{} groups chosen of {} for top_k = {}", moe.gate_choices,
                            moe.gate_groups, moe.top_k),
                "at most `gate_groups`, at most `top_k`");
}

}  // namespace

DenseFfn read_dense(sim::Table& in) {
    DenseFfn dense;
    dense.width = read_size(in, "width", 1);
    dense.gated = in.flag("gated", true);
    return dense;
}

MoeFfn read_moe(sim::Table& in) {
    MoeFfn moe;
    moe.experts = read_size(in, "experts", 1);
    moe.top_k = read_size(in, "top_k", 1);
    moe.width = read_size(in, "width", 1);
    moe.gated = in.flag("gated", true);
    moe.shared_experts = read_size(in, "shared_experts", 0, 0);
    moe.shared_width = read_size(in, "shared_width", moe.shared_experts > 0 ? 1 : 0, moe.width);
    if (moe.shared_experts == 0) moe.shared_width = 0;
    moe.groups = read_size(in, "groups", 1, 1);
    moe.group_limit = read_size(in, "group_limit", 1, moe.groups);
    moe.router = in.choice("router", kRouters, "softmax");
    moe.shared_gate = in.flag("shared_gate", false);
    if (moe.shared_gate && moe.shared_experts == 0)
        in.fail("shared_gate", "there is no shared expert to gate", "shared_experts = 1");
    moe.bias = in.flag("bias", false);
    moe.per_group = read_size(in, "per_group", 0, 0);
    moe.zero_experts = read_size(in, "zero_experts", 0, 0);
    moe.latent = read_size(in, "latent", 0, 0);
    moe.other_experts = read_size(in, "other_experts", 0, 0);
    moe.other_width = read_size(in, "other_width", moe.other_experts > 0 ? 1 : 0,
                                moe.other_experts > 0 ? moe.width : 0);
    if (moe.other_experts == 0 && moe.other_width > 0)
        in.fail("other_width", "there are no other experts", "add `other_experts`");
    read_two_levels(in, moe);
    check_choice(in, moe);
    return moe;
}

ProductKeyFfn read_product_key(sim::Table in) {
    ProductKeyFfn out;
    out.experts = read_size(in, "experts", 1);
    const int root = static_cast<int>(std::lround(std::sqrt(static_cast<double>(out.experts))));
    if (std::int64_t{root} * root != out.experts)
        in.fail("experts", fmt::format("{} is no square", out.experts),
                fmt::format("product keys are pairs of sub-keys: {}", std::int64_t{root} * root));
    out.heads = read_size(in, "heads", 1);
    out.top_k = read_size(in, "top_k", 1);
    if (out.top_k > root)
        in.fail("top_k", fmt::format("{} of {} sub-keys", out.top_k, root),
                "at most the square root of `experts`");
    out.key_dim = read_size(in, "key_dim", 2);
    if (out.key_dim % 2 != 0)
        in.fail("key_dim", fmt::format("{} cannot be halved", out.key_dim),
                "each sub-key has half of a query");
    return out;
}

Extra read_extra(sim::Table in) {
    Extra out;
    if (in.keys().empty()) return out;
    out.name = in.text("name", "extra");
    out.parameters = in.number("parameters", 0, 1e15);
    out.active = in.number("active", 0, out.parameters, out.parameters);
    out.flops_per_token = in.number("flops_per_token", 0, 1e18, 0);
    return out;
}

}  // namespace moesim::models
