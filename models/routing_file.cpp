#include "models/routing_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/paths.hpp"

namespace moesim::models {
namespace {

std::size_t nearest_in_depth(const std::vector<int>& found, int layer, int layers) {
    const double depth = layers > 1 ? double{1} * layer / (layers - 1) : 0.5;
    const double span = std::max(found.back() - found.front(), 1);
    const auto distance = [&](std::size_t i) {
        return std::abs((found[i] - found.front()) / span - depth);
    };
    std::size_t best = 0;
    for (std::size_t i = 1; i < found.size(); ++i)
        if (distance(i) < distance(best)) best = i;
    return best;
}

void check_exact(const sim::Table& in, const std::vector<int>& found, const RoutingShape& shape) {
    const int count = static_cast<int>(found.size());
    constexpr auto kHint =
        "layers = \"nearest\" takes for each layer the nearest in relative depth";
    if (count != shape.moe_layers && count != shape.moe_layers - shape.mtp_layers)
        in.fail("file",
                fmt::format("layers {} to {}, {} in all; the model has {} MoE layers",
                            found.front(), found.back(), count, shape.moe_layers),
                kHint);
    for (std::size_t i = 1; i < found.size(); ++i)
        if (found[i] != found[i - 1] + 1)
            in.fail("file",
                    fmt::format("layer {} is missing: after {} comes {}", found[i - 1] + 1,
                                found[i - 1], found[i]),
                    kHint);
}

}  // namespace

RoutingFile find_routing_file(sim::Table& in, const std::string& fallback) {
    const std::string name = fallback.empty() ? in.text("file") : in.text("file", fallback);
    if (!in.has("file")) return {sim::find_data("routing table", "models/routing", name, ".csv")};
    if (name.empty()) in.fail("file", "an empty file name");
    for (const auto& path : {in.file().parent_path() / name, std::filesystem::path{name}}) {
        std::error_code ignored;
        const bool named = std::filesystem::path{name}.has_extension();
        if (named ? std::filesystem::exists(path, ignored)
                  : std::filesystem::is_directory(path, ignored))
            return {path, true};
    }
    if (std::filesystem::path{name}.has_extension()) in.fail("file", "no such file: " + name);
    return {sim::find_data(in, "file", "models/routing", ".csv")};
}

std::vector<std::size_t> map_layers(sim::Table& in, const std::vector<int>& found,
                                    const RoutingShape& shape, bool exact) {
    exact = in.choice("layers", {"exact", "nearest"}, exact ? "exact" : "nearest") == "exact";
    if (exact) check_exact(in, found, shape);
    std::vector<std::size_t> out;
    for (int l = 0; l < shape.moe_layers; ++l)
        out.push_back(exact ? std::min(static_cast<std::size_t>(l), found.size() - 1)
                            : nearest_in_depth(found, l, shape.moe_layers));
    return out;
}

}  // namespace moesim::models
