#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/input.hpp"

namespace moesim::scenarios {

/// Degrees of parallelism. Attention grid: tensor x context x data x pipeline; experts:
/// expert_tensor x expert x (what is left) x pipeline; the two share the pipeline only.
struct Parallel {
    int tensor = 1, context = 1, pipeline = 1, data = 1, expert = 1;
    int virtual_stages = 1;  // stages per pipeline rank
    int expert_tensor = 1;
    [[nodiscard]] int per_stage() const { return tensor * context * data; }
    [[nodiscard]] int expert_group() const { return expert * expert_tensor; }
    [[nodiscard]] int expert_data() const { return per_stage() / expert_group(); }
};

/// tensor, context, data: of the attention grid; expert_tensor, expert, expert_data: of the
/// experts'.
enum class Axis : std::uint8_t {
    tensor,
    context,
    data,
    expert_tensor,
    expert,
    expert_data,
    pipeline
};

/// Which GPU is which rank. Each grid numbers the GPUs of the plan by its axes in some order, the
/// first one fastest:
///
///     gpu = sum over the grid's axes of coordinate x stride, stride = product of the degrees
///     before
///
/// and every GPU is on the same pipeline rank in both. The order is that of Megatron-LM
/// (--use-tp-pp-dp-mapping and core/parallel_state.py, RankGenerator): "tp-cp-ep-dp-pp", where
/// attention has no ep and experts have no cp.
class RankGrid {
public:
    using Axes = std::vector<Axis>;

    RankGrid() = default;
    /// Reads parallel.order and parallel.expert_order. Throws sim::InputError for words that are no
    /// axes, twice or missing ones.
    static RankGrid read(sim::Table& parallel, const Parallel& degrees);
    /// Throws sim::InputError where a GPU would be on two pipeline ranks. To be asked once the
    /// degrees are known to fit.
    void check(const sim::Table& parallel) const;

    /// GPU of a rank of the expert grid. group: its expert-data coordinate; member: expert_tensor
    /// fastest, then expert.
    [[nodiscard]] int gpu(int pipeline, int group, int member) const;
    [[nodiscard]] int stride(Axis axis) const { return stride_[static_cast<std::size_t>(axis)]; }
    [[nodiscard]] int degree(Axis axis) const { return degree_[static_cast<std::size_t>(axis)]; }
    /// GPUs of the group along `axes` (of one grid) that GPU 0 is in, ascending.
    [[nodiscard]] std::vector<int> members(const Axes& axes) const;
    /// First GPUs of all such groups on one pipeline rank, the first of them 0, ascending.
    [[nodiscard]] std::vector<int> groups(const Axes& axes) const;
    /// How many of members() stand among the first `gpus` GPUs.
    [[nodiscard]] int within(const Axes& axes, int gpus) const;

private:
    [[nodiscard]] std::vector<int> lattice(const Axes& axes) const;
    [[nodiscard]] int count(std::span<const Axis> axes, int gpus) const;

    std::array<int, 7> degree_{1, 1, 1, 1, 1, 1, 1};
    std::array<int, 7> stride_{1, 1, 1, 1, 1, 1, 1};
    int expert_pipeline_ = 1;  // stride of the pipeline in the expert grid
};

}  // namespace moesim::scenarios
