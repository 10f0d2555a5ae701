#include <fmt/format.h>

#include <algorithm>

#include "scenarios/schedule.hpp"
#include "sim/registry.hpp"

namespace moesim::scenarios {
namespace {

/// Interleaved 1F1B: rank r holds stages r, r + p, ..., one per chunk. Micro-batches pass in groups
/// of q: all of a group through chunk 0, then through chunk 1, ...; backwards likewise, last chunk
/// first.
///
///   forwards, q = 2, v = 2    0.0 1.0  0.1 1.1  2.0 3.0  2.1 3.1     micro-batch.chunk
///   warm-up                   min(m v, 2 (p - r - 1) + (v - 1) q)  forwards, one more in pairs
///
/// then forward and backward in turn, then the remaining backwards. The last group may be smaller
/// than q, but not than p. Source: Megatron-LM core/pipeline_parallel/schedules.py (schedule table,
/// warm-up and rule for the last group); arXiv:2104.04473.
class Interleaved final : public Schedule {
public:
    [[nodiscard]] std::string refuse(const PipelineShape& s) const override {
        const int q = group(s);
        if (s.chunks < 2) return "needs parallel.virtual of at least 2";
        if (q < s.ranks || q > s.micro_batches)
            return fmt::format("needs groups of at least {} and at most {} micro-batches, not {}",
                               s.ranks, s.micro_batches, q);
        if (s.micro_batches % q > 0 && s.micro_batches % q < s.ranks)
            return fmt::format(
                "leaves a last group of {} micro-batches, fewer than pipeline ranks; a multiple of "
                "{} would do",
                s.micro_batches % q, q);
        return {};
    }
    [[nodiscard]] int chunks() const override { return 0; }
    [[nodiscard]] int rank_of(const PipelineShape& s, int stage, int) const override {
        return stage % s.ranks;
    }
    [[nodiscard]] bool can_pair() const override { return true; }
    [[nodiscard]] std::vector<Slot> order(int rank, const PipelineShape& s) const override {
        const int q = group(s), total = s.micro_batches * s.chunks;
        std::vector<Part> forwards, backwards;
        for (int first = 0; first < s.micro_batches; first += q)
            for (int chunk = 0; chunk < s.chunks; ++chunk)
                for (int i = first; i < std::min(first + q, s.micro_batches); ++i) {
                    forwards.push_back({chunk * s.ranks + rank, 0, i});
                    backwards.push_back({(s.chunks - 1 - chunk) * s.ranks + rank, 0, i});
                }
        const int warm_up =
            std::min(total, 2 * (s.ranks - rank - 1) + (s.chunks - 1) * q + (s.pairs ? 1 : 0));
        std::vector<Slot> out;
        for (int k = 0; k < total + warm_up; ++k) {
            const auto f = static_cast<std::size_t>(k), b = static_cast<std::size_t>(k - warm_up);
            if (k >= warm_up && k < total && s.pairs) {
                out.push_back({sim::UnitKind::pair, forwards[f], backwards[b]});
                continue;
            }
            if (k < total) out.push_back({sim::UnitKind::forward, forwards[f], {}});
            if (k >= warm_up) out.push_back({sim::UnitKind::backward, {}, backwards[b]});
        }
        return out;
    }

private:
    static int group(const PipelineShape& s) { return s.group > 0 ? s.group : s.ranks; }
};

const sim::Register<Schedule, Interleaved> entry{
    "interleaved", "one forward, one backward in turn over several stages of each rank"};

}  // namespace
}  // namespace moesim::scenarios
