#include "analysis/place_loads.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "scenarios/placements/json_input.hpp"
#include "sim/input.hpp"

namespace moesim::analysis {
namespace {

using nlohmann::ordered_json;
using scenarios::JsonInput;
using scenarios::Placement;
using scenarios::PlacementInput;

constexpr int kMostSlots = 1 << 16;
constexpr double kMostCells = 1e8;  // of the padded log2phy
constexpr double kMostLoad = 1e300;

const std::vector<std::string> kKeys{"weight",   "num_replicas", "num_groups", "num_nodes",
                                     "num_gpus", "together",     "follows",    "gpu_speed"};
const std::vector<std::string> kNotes{"input",  "expected",   "name",      "description",
                                      "source", "provenance", "robustness"};

void refuse_misspelt(const JsonInput& in) {
    for (const std::string& key : in.keys()) {
        const auto among = [&key](const std::vector<std::string>& known) {
            return std::find(known.begin(), known.end(), key) != known.end();
        };
        const std::string near = sim::nearest(key, kKeys);
        if (!among(kKeys) && !among(kNotes) && !near.empty())
            in.fail(fmt::format("the key \"{}\" is not known", key),
                    fmt::format("is \"{}\" meant?", near));
    }
}

std::vector<std::vector<std::vector<double>>> read_pairs(const JsonInput& in,
                                                         const std::string& key, std::size_t layers,
                                                         std::size_t experts) {
    std::vector<std::vector<std::vector<double>>> out;
    if (!in.has(key)) return out;
    const JsonInput list = in.at(key);
    for (const JsonInput& layer : list.items()) {
        out.push_back(layer.matrix(0, kMostLoad));
        if (out.back().size() != experts || out.back().front().size() != experts)
            layer.fail(fmt::format("{} x {} numbers, expected {} x {}", out.back().size(),
                                   out.back().front().size(), experts, experts));
    }
    if (out.size() != layers) list.fail(fmt::format("{} layers, expected {}", out.size(), layers));
    return out;
}

void check_counts(const JsonInput& in, const PlacementInput& out) {
    const int experts = static_cast<int>(out.weight.front().size());
    const auto demand = [&in](bool kept, const char* key, const std::string& what) {
        if (!kept) in.at(key).fail(what);
    };
    demand(out.slots >= experts, "num_replicas",
           fmt::format("{} slots are fewer than the {} experts of `weight`", out.slots, experts));
    demand(out.slots % out.gpus == 0, "num_replicas",
           fmt::format("{} slots are not a multiple of {} GPUs", out.slots, out.gpus));
    demand(out.gpus % out.nodes == 0, "num_gpus",
           fmt::format("{} GPUs are not a multiple of {} nodes", out.gpus, out.nodes));
    demand(experts % out.groups == 0, "num_groups",
           fmt::format("the {} experts of `weight` are not a multiple of {} groups", experts,
                       out.groups));
}

double sum(const std::vector<double>& x) { return std::accumulate(x.begin(), x.end(), 0.0); }

std::optional<double> max_over_mean(const std::vector<double>& load) {
    if (!(sum(load) > 0)) return {};
    return *std::max_element(load.begin(), load.end()) * static_cast<double>(load.size()) /
           sum(load);
}

ordered_json or_null(const std::optional<double>& x) {
    return x ? ordered_json(*x) : ordered_json();
}

ordered_json padded(const std::vector<std::vector<std::vector<int>>>& log2phy) {
    std::size_t widest = 0;
    double experts = 0;
    for (const auto& layer : log2phy) {
        experts += static_cast<double>(layer.size());
        for (const auto& slots : layer) widest = std::max(widest, slots.size());
    }
    if (experts * static_cast<double>(widest) > kMostCells)
        throw sim::InputError(
            fmt::format("moesim: error: log2phy, padded to {} replicas of each "
                        "expert, is too large to write\n"
                        "help: fewer replicas, or fewer layers at a time",
                        widest));
    ordered_json out = log2phy;
    for (auto& layer : out)
        for (auto& slots : layer)
            while (slots.size() < widest) slots.push_back(-1);
    return out;
}

}  // namespace

PlacementInput read_loads(const std::filesystem::path& path) {
    const JsonInput root = JsonInput::from_file(path);
    const bool wrapped = root.has("input");
    if (wrapped && root.has("weight"))
        root.fail("both \"input\" and \"weight\": which of the two is to be placed?");
    const JsonInput in = wrapped ? root.at("input") : root;
    refuse_misspelt(in);
    PlacementInput out;
    out.weight = in.at("weight").matrix(0, kMostLoad);
    const std::size_t layers = out.weight.size(), experts = out.weight.front().size();
    if (experts > static_cast<std::size_t>(kMostSlots))
        in.at("weight").fail(fmt::format("{} experts, at most {} are placed", experts, kMostSlots));
    out.slots = in.at("num_replicas").whole(1, kMostSlots);
    out.groups = in.at("num_groups").whole(1, kMostSlots);
    out.nodes = in.at("num_nodes").whole(1, kMostSlots);
    out.gpus = in.at("num_gpus").whole(1, kMostSlots);
    check_counts(in, out);
    out.together = read_pairs(in, "together", layers, experts);
    out.follows = read_pairs(in, "follows", layers - 1, experts);
    if (in.has("gpu_speed")) {
        const JsonInput speed = in.at("gpu_speed");
        for (const JsonInput& gpu : speed.items()) out.gpu_speed.push_back(gpu.number(1e-9, 1e9));
        if (out.gpu_speed.size() != static_cast<std::size_t>(out.gpus))
            speed.fail(fmt::format("{} speeds for {} GPUs", out.gpu_speed.size(), out.gpus));
    }
    return out;
}

ordered_json to_json(const Placement& placement, const PlacementInput& input) {
    ordered_json gpu_load, gpu_ratio, node_load, node_ratio;
    for (std::size_t l = 0; l < input.weight.size(); ++l) {
        const int layer = static_cast<int>(l);
        const auto gpus = placement.gpu_load(layer, input.weight[l], input.gpus);
        const auto nodes = placement.gpu_load(layer, input.weight[l], input.nodes);
        gpu_load.push_back(gpus);
        node_load.push_back(nodes);
        gpu_ratio.push_back(or_null(max_over_mean(gpus)));
        node_ratio.push_back(or_null(max_over_mean(nodes)));
    }
    return {{"phy2log", placement.phy2log},         {"log2phy", padded(placement.log2phy)},
            {"logcnt", placement.logcnt},           {"gpu_load", gpu_load},
            {"max_over_mean_gpu_load", gpu_ratio},  {"node_load", node_load},
            {"max_over_mean_node_load", node_ratio}};
}

std::string to_text(const Placement& placement, const PlacementInput& input) {
    std::string out = "  layer   max/mean load of a GPU\n";
    double total = 0, worst = 0;
    int loaded = 0;
    for (std::size_t l = 0; l < input.weight.size(); ++l) {
        const auto ratio =
            max_over_mean(placement.gpu_load(static_cast<int>(l), input.weight[l], input.gpus));
        out += ratio ? fmt::format("{:>7}   {:.5f}\n", l, *ratio)
                     : fmt::format("{:>7}   no load\n", l);
        total += ratio.value_or(0);
        worst = std::max(worst, ratio.value_or(0));
        loaded += ratio.has_value();
    }
    if (loaded > 1)
        out +=
            fmt::format("{:>7}   {:.5f}\n{:>7}   {:.5f}\n", "mean", total / loaded, "worst", worst);
    return out;
}

}  // namespace moesim::analysis
