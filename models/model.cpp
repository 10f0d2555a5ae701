#include "models/model.hpp"

#include <fmt/format.h>

#include "models/attention.hpp"
#include "models/read.hpp"
#include "sim/paths.hpp"

namespace moesim::models {
namespace {

constexpr int kMostLayers = 100'000;
const std::vector<std::string> kRouters{"softmax", "softmax_bias", "sigmoid", "sigmoid_bias"};
const std::vector<std::string> kConventions{"with_embedding", "without_input_embedding",
                                            "without_embedding"};
const std::vector<std::string> kConfidences{"verified", "paper", "rumoured", "unpublished",
                                            "recalled"};

Attention read_attention(sim::Table in) {
    return attention_kind(in.choice("kind", sim::Registry<AttentionKind>::names())).read(in);
}

DenseFfn read_dense(sim::Table& in) {
    DenseFfn dense;
    dense.width = read_size(in, "width", 1);
    dense.gated = in.flag("gated", true);
    return dense;
}

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
}

MoeFfn read_moe(sim::Table in) {
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
    check_choice(in, moe);
    return moe;
}

int read_layer_count(sim::Table& in) {
    const int count = read_size(in, "layers", 1);
    if (count > kMostLayers)
        in.fail("layers", fmt::format("{} is more than any model has", count),
                fmt::format("at most {}", kMostLayers));
    return count;
}

/// Leading dense layers, then MoE layers; one kind alone when the other has no table.
void read_layers(sim::Table& in, Model& model) {
    const int count = read_layer_count(in);
    const Attention attention = read_attention(in.table("attention"));
    const bool has_moe = in.has("moe");
    int leading = has_moe ? 0 : count;
    if (!has_moe && !in.has("dense"))
        in.fail("", "a model needs a feed-forward part",
                "add [dense] (width) or [moe] (experts, top_k, width)");
    if (in.has("dense")) {
        sim::Table table = in.table("dense");
        model.kinds.push_back({attention, read_dense(table), std::nullopt});
        if (has_moe) leading = read_size(table, "first_layers", 1);
        if (leading > count)
            table.fail("first_layers",
                       fmt::format("{} leading dense layers of {} in all", leading, count),
                       fmt::format("at most {}", count));
        if (has_moe && leading == count)
            table.fail("first_layers", fmt::format("all {} layers are dense", count),
                       "leave out [moe], or leave it a layer");
    }
    if (has_moe) model.kinds.push_back({attention, std::nullopt, read_moe(in.table("moe"))});
    for (int i = 0; i < count; ++i)
        model.layers.push_back(i < leading ? 0 : static_cast<int>(model.kinds.size()) - 1);
}

void read_published(sim::Table in, Model& model) {
    if (in.has("total")) model.published_total = in.number("total", 1, 1e18);
    if (in.has("active")) model.published_active = in.number("active", 1, 1e18);
    if (model.published_active)
        model.active_convention = in.choice("active_convention", kConventions);
    if (model.published_total && model.published_active &&
        *model.published_active > *model.published_total)
        in.fail("active", "more parameters are active than there are",
                "lower it, or raise `total`");
}

}  // namespace

std::vector<int> Model::layers_of_kind() const {
    std::vector<int> count(kinds.size());
    for (const int kind : layers) ++count[static_cast<std::size_t>(kind)];
    return count;
}

Model load_model(const std::string& name) {
    const auto path = sim::find_data("model", "models/zoo", name);
    sim::Table in = sim::Table::from_file(path);
    Model model;
    model.name = in.text("name", path.stem().string());
    model.title = in.text("title", model.name);
    model.hidden = read_size(in, "hidden", 1);
    model.vocab = read_size(in, "vocab", 1);
    model.tied_embedding = in.flag("tied_embedding", false);
    model.mtp_layers = read_size(in, "mtp_layers", 0, 0);
    model.max_sequence = read_size(in, "max_sequence", 1, 0);
    model.confidence = in.choice("confidence", kConfidences, "unpublished");
    read_layers(in, model);
    read_published(in.table("published"), model);
    in.ignore("source");
    in.ignore("notes");
    in.finish();
    return model;
}

}  // namespace moesim::models
