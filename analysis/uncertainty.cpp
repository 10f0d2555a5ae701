#include "analysis/uncertainty.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

#include "sim/scaled_replay.hpp"

namespace moesim::analysis {
namespace {

constexpr int kMostDraws = 64, kLeastDraws = 12;
constexpr double kWork = 1.2e7;  // participants replayed in all: a fraction of a second
constexpr double kLevel = 0.9;
constexpr double kWeakShare = 0.25;  // of the time, from which on a reader is warned

/// Kind of the first task of every op: what its error goes along with.
std::vector<std::size_t> classes(const sim::TaskGraph& graph) {
    std::vector<std::size_t> out(graph.ops.size(), 0);
    for (const sim::TaskGraph::Task& task : graph.tasks)
        out[task.label.op] = static_cast<std::size_t>(task.label.kind);
    return out;
}

/// Standard normal numbers from a counter, by Box and Muller (Annals of Mathematical Statistics
/// 29, 1958).
class Normal {
public:
    explicit Normal(std::uint64_t seed) : state_{seed} {}
    double next() {
        const double u = std::max(uniform(), 1e-300), v = uniform();
        return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
    }

private:
    double uniform() {  // splitmix64: Steele, Lea, Flood, OOPSLA 2014
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return static_cast<double>((z ^ (z >> 31)) >> 11) * 0x1p-53;
    }
    std::uint64_t state_;
};

}  // namespace

Interval step_time_interval(const scenarios::Lowered& lowered, double step_time_s) {
    const sim::TaskGraph& graph = lowered.graph;
    const sim::ScaledReplay replay{graph};
    const std::size_t ops = graph.ops.size();
    const auto cls = classes(graph);
    const auto error = [&](std::size_t op) {
        return op < lowered.ops.size() ? lowered.ops[op].rel_error : 0;
    };
    const std::vector<double> ones(ops, 1);
    const double plain = replay.makespan(ones);
    Interval out;
    out.level = kLevel;
    out.low_s = out.high_s = step_time_s;
    if (!(plain > 0)) return out;
    const double pairs = kWork / static_cast<double>(2 * replay.size() + 1);
    out.draws = 2 * static_cast<int>(std::clamp(pairs, kLeastDraws / 2.0, kMostDraws / 2.0));
    double sum = 0, squares = 0;
    for (int draw = 0; draw < out.draws; draw += 2) {
        Normal normal{static_cast<std::uint64_t>(draw) + 1};
        std::array<double, sim::kKinds> common{};
        for (double& c : common) c = normal.next();
        std::vector<double> exponent(ops);
        for (std::size_t op = 0; op < ops; ++op)
            exponent[op] = error(op) * std::numbers::sqrt2 / 2 * (common[cls[op]] + normal.next());
        for (const double sign : {1.0, -1.0}) {
            std::vector<double> scale(ops);
            for (std::size_t op = 0; op < ops; ++op) scale[op] = std::exp(sign * exponent[op]);
            const double ratio = std::log(replay.makespan(scale) / plain);
            sum += ratio;
            squares += ratio * ratio;
        }
    }
    const double mean = sum / out.draws;
    out.of_costs = std::sqrt(std::max(0.0, squares / out.draws - mean * mean));
    const double deviation = std::hypot(out.of_costs, kUnexplained);
    out.low_s = step_time_s * std::min(1.0, std::exp(mean - kDeviations * deviation));
    out.high_s = step_time_s * std::max(1.0, std::exp(mean + kDeviations * deviation));
    return out;
}

std::vector<std::string> warnings(const scenarios::Lowered& lowered) {
    std::array<double, 4> seconds{};
    for (const scenarios::OpGround& op : lowered.ops)
        for (std::size_t i = 0; i < 4; ++i) seconds[i] += op.seconds[i];
    const double all = std::accumulate(seconds.begin(), seconds.end(), 0.0);
    const double weak = seconds[2] + seconds[3];
    std::vector<std::string> out;
    if (all > 0 && weak > kWeakShare * all)
        out.push_back(
            fmt::format("{:.0f} % of the time rests on costs that are extrapolated ({:.0f} %) or "
                        "a roofline ({:.0f} %), not on measurements of this device",
                        100 * weak / all, 100 * seconds[2] / all, 100 * seconds[3] / all));
    return out;
}

}  // namespace moesim::analysis
