#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "models/model.hpp"

namespace moesim::models {
namespace {

/// Kinds of the layers of `model` that are MoE (or are not), in their order.
std::vector<int> kinds_in_order(const Model& model, bool moe) {
    std::vector<int> out;
    for (const int kind : model.layers)
        if (model.kinds[static_cast<std::size_t>(kind)].moe.has_value() == moe) out.push_back(kind);
    return out;
}

}  // namespace

// The i-th dense (MoE) layer kept is the i-th of the model; more than it has begin again at its
// first.
Model cut(const Model& model, int layers, int dense) {
    if (layers < 1 || dense < 0 || dense > layers)
        throw std::invalid_argument(
            fmt::format("cannot cut {} to {} layers, {} of them dense", model.name, layers, dense));
    const auto of_dense = kinds_in_order(model, false);
    const auto of_moe = kinds_in_order(model, true);
    if (dense > 0 && of_dense.empty())
        throw std::invalid_argument(fmt::format("{} has no dense layer", model.name));
    if (dense < layers && of_moe.empty())
        throw std::invalid_argument(fmt::format("{} has no MoE layer", model.name));
    Model out = model;
    out.layers.clear();
    for (int i = 0; i < layers; ++i) {
        const auto& from = i < dense ? of_dense : of_moe;
        const auto place = static_cast<std::size_t>(i < dense ? i : i - dense);
        out.layers.push_back(from[place % from.size()]);
    }
    if (out.layers == model.layers) return out;
    if (model.encoder_layers > 0)
        out.encoder_layers =
            static_cast<int>(std::count_if(out.layers.begin(), out.layers.end(), [&](int kind) {
                return !out.kinds[static_cast<std::size_t>(kind)].cross;
            }));
    out.title = fmt::format("{}, cut to {} layers ({} dense)", model.title, layers, dense);
    out.published_total.reset();  // they speak of the whole model
    out.published_active.reset();
    out.active_convention.clear();
    return out;
}

}  // namespace moesim::models
