#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "models/csv_rows.hpp"
#include "models/safetensors.hpp"
#include "models/trace.hpp"

namespace moesim::models {
namespace {

std::vector<NumberedFile> files_of(const std::filesystem::path& path) {
    auto out = numbered_files(path, "rank", "_raw.safetensors");
    if (out.empty()) out = numbered_files(path, "token_selected_experts_rank", ".safetensors");
    if (out.empty())
        fail_file(path, "no rank<number>_raw.safetensors in this folder",
                  "nor token_selected_experts_rank<number>.safetensors");
    return out;
}

/// Appends the choices of a tensor [tokens][top_k] to the pool.
void add_choices(const std::filesystem::path& path, const CountTensor& tensor,
                 const RoutingShape& shape, std::vector<std::uint16_t>& pool) {
    const auto top_k = static_cast<std::size_t>(shape.top_k);
    if (tensor.shape.size() != 2 || tensor.shape[1] != top_k)
        fail_file(path,
                  fmt::format("{}: shape [{}], expected [tokens, {}]", tensor.name,
                              fmt::join(tensor.shape, ", "), top_k),
                  "the experts that each token chose, as many as the model takes");
    for (std::size_t i = 0; i < tensor.values.size(); ++i) {
        if (tensor.values[i] >= shape.experts)
            fail_file(path,
                      fmt::format("{}: token {} chose expert {}, the model has 0 to {}",
                                  tensor.name, i / top_k, tensor.values[i], shape.experts - 1));
        const auto expert = static_cast<std::uint16_t>(tensor.values[i]);
        if (std::find(pool.end() - static_cast<std::ptrdiff_t>(i % top_k), pool.end(), expert) !=
            pool.end())
            fail_file(path, fmt::format("{}: token {} chose expert {} twice", tensor.name,
                                        i / top_k, expert));
        pool.push_back(expert);
    }
}

std::string group_name(int rank, int iteration, TraceGroup group) {
    switch (group) {
        case TraceGroup::rank:
            return fmt::format("rank {}", rank);
        case TraceGroup::step:
            return fmt::format("iteration {}", iteration);
        case TraceGroup::all:
            return "all";
        case TraceGroup::request:
            break;
    }
    return fmt::format("rank {}, iteration {}", rank, iteration);
}

}  // namespace

Trace read_trace_safetensors(const std::filesystem::path& path, const RoutingShape& shape,
                             TraceGroup group) {
    struct Piece {
        TraceChunk chunk;
        int layer_number;
    };
    std::vector<std::uint16_t> pool;
    std::vector<Piece> pieces;
    std::map<int, int> layers;  // number -> index
    std::map<std::string, int> group_numbers;
    Trace out{shape.experts, shape.top_k, {}, {}, {}, {}};
    for (const NumberedFile& file : files_of(path)) {
        // by iteration, whatever order the header has: tokens line up between layers
        std::vector<CountTensor> tensors = read_safetensors(file.path);
        std::vector<std::tuple<int, int, std::size_t>> order;
        for (std::size_t i = 0; i < tensors.size(); ++i) {
            const TensorKey key = tensor_key(file.path, tensors[i].name);
            order.emplace_back(key.iteration, key.layer, i);
        }
        std::sort(order.begin(), order.end());
        for (const auto& [iteration, layer, i] : order) {
            const std::size_t at = pool.size();
            add_choices(file.path, tensors[i], shape, pool);
            const std::string label = group_name(file.number, iteration, group);
            const auto [g, fresh] =
                group_numbers.try_emplace(label, static_cast<int>(out.groups.size()));
            if (fresh) out.groups.push_back(label);
            layers.try_emplace(layer, 0);
            pieces.push_back({{g->second, 0, at, tensors[i].shape[0]}, layer});
        }
    }
    for (auto& [number, index] : layers) {
        index = static_cast<int>(out.layers.size());
        out.layers.push_back(number);
    }
    std::vector<TraceChunk> chunks;
    for (Piece& piece : pieces) {
        piece.chunk.layer = layers[piece.layer_number];
        chunks.push_back(piece.chunk);
    }
    assemble(path, std::move(chunks), pool, out);
    return out;
}

}  // namespace moesim::models
