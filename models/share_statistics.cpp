#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "models/csv_rows.hpp"
#include "models/safetensors.hpp"
#include "models/shares.hpp"
#include "sim/input.hpp"

namespace moesim::models {
namespace {

/// num_experts of a meta_info.json beside the statistics; 0 when there is none.
std::size_t experts_of_meta(const std::filesystem::path& folder) {
    const std::filesystem::path path = folder / "meta_info.json";
    if (!std::filesystem::exists(path)) return 0;
    const auto meta = nlohmann::json::parse(sim::read_text_file(path), nullptr, false);
    if (meta.is_discarded() || !meta.is_object() || !meta.contains("num_experts") ||
        !meta["num_experts"].is_number_unsigned())
        fail_file(path, "/num_experts: expected the number of experts");
    return meta["num_experts"].get<std::size_t>();
}

}  // namespace

ShareTable read_share_statistics(const std::filesystem::path& path) {
    const auto files = numbered_files(path, "rank", ".safetensors");
    if (files.empty())
        fail_file(path, "no rank<number>.safetensors in this folder",
                  "a folder that TensorRT-LLM wrote with EXPERT_STATISTIC_PATH; its *_raw files "
                  "are a trace: kind = \"trace\"");
    const bool folder = std::filesystem::is_directory(path);
    std::size_t experts = experts_of_meta(folder ? path : path.parent_path());
    LayerCounts counts;
    std::map<int, std::set<int>> layers;  // of each iteration
    for (const NumberedFile& file : files)
        for (const CountTensor& tensor : read_safetensors(file.path)) {
            const TensorKey key = tensor_key(file.path, tensor.name);
            if (tensor.shape.size() != 1)
                fail_file(file.path, fmt::format("{}: {} dimensions, expected a count for each "
                                                 "expert",
                                                 tensor.name, tensor.shape.size()));
            if (experts == 0) experts = tensor.values.size();
            if (tensor.values.size() != experts)
                fail_file(file.path, fmt::format("{}: {} experts, expected {}", tensor.name,
                                                 tensor.values.size(), experts));
            auto& sum = counts[key.layer];
            sum.resize(experts);
            for (std::size_t e = 0; e < experts; ++e) sum[e] += tensor.values[e];
            layers[key.iteration].insert(key.layer);
        }
    if (counts.empty()) fail_file(path, "no expert counts in it");
    for (const auto& [iteration, found] : layers)
        for (const auto& [layer, vector] : counts)
            if (!found.contains(layer))
                fail_file(path, fmt::format("iteration {} has no layer {}", iteration, layer),
                          "every iteration has every MoE layer; is a rank's file missing?");
    return share_table(path, counts);
}

}  // namespace moesim::models
