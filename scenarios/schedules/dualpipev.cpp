#include "scenarios/schedules/dualpipe_order.hpp"
#include "sim/registry.hpp"

namespace moesim::scenarios {
namespace {

/// DualPipeV: DualPipe cut in half. Rank r holds stages r and 2p-1-r once; micro-batches turn
/// around on rank p-1, and a forward of one chunk and a backward of the other run as one overlapped
/// unit. Phases are the chunks; H = p, d = r.
/// Source: deepseek-ai/DualPipe, dualpipev.py.
class DualPipeV final : public Schedule {
public:
    [[nodiscard]] std::string refuse(const PipelineShape& s) const override {
        return s.micro_batches >= 2 * s.ranks
                   ? ""
                   : "needs at least two micro-batches per pipeline rank";
    }
    [[nodiscard]] int chunks() const override { return 2; }
    [[nodiscard]] bool paired() const override { return true; }
    [[nodiscard]] int rank_of(const PipelineShape& s, int stage, int) const override {
        return stage < s.ranks ? stage : 2 * s.ranks - 1 - stage;
    }
    [[nodiscard]] std::vector<Slot> order(int rank, const PipelineShape& s) const override {
        const int p = s.ranks;
        return DualPipeOrder{p, rank, s.micro_batches - 2 * p + rank + 1,
                             [&](int phase, int i) {
                                 return Part{phase == 0 ? rank : 2 * p - 1 - rank, 0, i};
                             }}
            .slots;
    }
};

const sim::Register<Schedule, DualPipeV> entry{
    "dualpipev", "DualPipe folded to a V: two stages per rank, no second copy of the weights"};

}  // namespace
}  // namespace moesim::scenarios
