#include <algorithm>

#include "scenarios/schedules/dualpipe_order.hpp"
#include "sim/registry.hpp"

namespace moesim::scenarios {
namespace {

/// DualPipe: two flows from the two ends; rank r holds stage r of flow 0 and stage p-1-r of flow 1,
/// so every stage twice. In the steady part a forward of one flow and a backward of the other run
/// as one overlapped unit.
///
///   rank 0    F0 F0 F0 F0 ... F0&B1 F1&B0 ...   B1 B0 ... W
///   rank p-1  F1 F1 F1 F1 ... F1&B0 F0&B1 ...   B0 B1 ... W
///
/// Phase 0 is the flow that enters at the rank's own end. H = p/2, d = min(r, p-1-r).
class DualPipe final : public Schedule {
public:
    [[nodiscard]] std::string refuse(const PipelineShape& s) const override {
        if (s.ranks % 2) return "needs an even number of pipeline ranks";
        if (s.micro_batches % 2) return "needs an even number of micro-batches";
        if (s.micro_batches < 2 * s.ranks)
            return "needs at least two micro-batches per pipeline rank";
        return {};
    }
    [[nodiscard]] int flows() const override { return 2; }
    [[nodiscard]] bool paired() const override { return true; }
    [[nodiscard]] int rank_of(const PipelineShape& s, int stage, int flow) const override {
        return flow == 0 ? stage : s.ranks - 1 - stage;
    }
    [[nodiscard]] std::vector<Slot> order(int rank, const PipelineShape& s) const override {
        const int p = s.ranks, d = std::min(rank, p - 1 - rank);
        return DualPipeOrder{p / 2, d, s.micro_batches / 2 - p + d + 1,
                             [&](int phase, int i) {
                                 const int flow = rank < p / 2 ? phase : 1 - phase;
                                 return Part{flow == 0 ? rank : p - 1 - rank, flow, i};
                             }}
            .slots;
    }
};

const sim::Register<Schedule, DualPipe> entry{
    "dualpipe", "two flows in opposite directions, forwards and backwards overlapped in pairs"};

}  // namespace
}  // namespace moesim::scenarios
