#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "sim/task_graph.hpp"

namespace moesim::analysis {

/// What a stretch of the critical path is spent on.
enum class PathKind : std::uint8_t { compute, optimizer, ep, tp, cp, pp, dp, host };
inline constexpr int kPathKinds = 8;
std::string_view name(PathKind kind);

/// A stretch of the critical path: a task as one of its participants saw it, or the host's part of
/// its time (launches, gaps between kernels).
struct PathStep {
    sim::TaskId task;
    std::uint32_t rank_class;
    PathKind kind;
    double begin, end;
};

/// The chain of tasks that ends last, each beginning when the one before let it: from the end of
/// the run backwards, always to what a task's last participant waited for. Stretches abut, latest
/// first; together they are the step time. Of several that end at one moment, the first is taken.
std::vector<PathStep> critical_path(const sim::TaskGraph& graph, const sim::Timeline& line);

/// {by_kind_s, ops: [{op, kind, seconds}] most first, ranks: [{rank, seconds}], tasks}.
nlohmann::ordered_json critical_path_json(const sim::TaskGraph& graph, const sim::Timeline& line);

}  // namespace moesim::analysis
