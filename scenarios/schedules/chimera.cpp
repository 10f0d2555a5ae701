#include <algorithm>
#include <limits>

#include "scenarios/schedule.hpp"
#include "sim/registry.hpp"

namespace moesim::scenarios {
namespace {

/// Chimera: two 1F1B pipelines in opposite directions, half of the micro-batches each; rank r holds
/// stage r of flow 0 and stage p-1-r of flow 1. Whenever a rank is free it runs a backward that is
/// ready (lowest micro-batch first), else a forward that is ready (lowest micro-batch, then the
/// later stage) if fewer than p - stage of that flow are open.
///
/// The order is that of a run in which all units take the same time and transfers none. Source:
/// arXiv:2107.06925, section 3.1; the rule above is our own writing.
class Chimera final : public Schedule {
public:
    [[nodiscard]] std::string refuse(const PipelineShape& s) const override {
        if (s.ranks % 2) return "needs an even number of pipeline ranks";
        if (s.micro_batches % 2) return "needs an even number of micro-batches";
        return {};
    }
    [[nodiscard]] int flows() const override { return 2; }
    [[nodiscard]] int rank_of(const PipelineShape& s, int stage, int flow) const override {
        return flow == 0 ? stage : s.ranks - 1 - stage;
    }
    [[nodiscard]] std::vector<Slot> order(int rank, const PipelineShape& s) const override {
        return Run{s}.orders[static_cast<std::size_t>(rank)];
    }

private:
    /// A run of all ranks in whole time units.
    struct Run {
        explicit Run(const PipelineShape& s) : p{s.ranks}, per_flow{s.micro_batches / 2} {
            const auto ranks = static_cast<std::size_t>(p);
            orders.resize(ranks);
            for (auto* counts : {&forwards, &backwards})
                counts->assign(2, std::vector<std::vector<int>>(ranks));
            std::vector<int> free(ranks, 0);
            std::size_t left = ranks * 2 * static_cast<std::size_t>(s.micro_batches);
            for (int now = 0; left > 0; ++now)
                for (int r = 0; r < p; ++r) {
                    int& until = free[static_cast<std::size_t>(r)];
                    if (until > now) continue;
                    if (start_one(r, now)) until = now + 1, --left;
                }
        }
        std::vector<std::vector<Slot>> orders;

    private:
        using Ends = std::vector<std::vector<std::vector<int>>>;  // [flows][stages][done so far]

        [[nodiscard]] static const std::vector<int>& of(const Ends& ends, int flow, int stage) {
            return ends[static_cast<std::size_t>(flow)][static_cast<std::size_t>(stage)];
        }
        [[nodiscard]] static bool done(const Ends& ends, int flow, int stage, std::size_t i,
                                       int now) {
            const std::vector<int>& times = of(ends, flow, stage);
            return i < times.size() && times[i] <= now;
        }
        bool start_one(int rank, int now) {
            for (const bool backward : {true, false}) {
                Part best{-1, 0, std::numeric_limits<int>::max()};
                for (const int flow : {0, 1}) {
                    const int stage = flow == 0 ? rank : p - 1 - rank;
                    const auto i =
                        (backward ? of(backwards, flow, stage) : of(forwards, flow, stage)).size();
                    if (static_cast<int>(i) == per_flow) continue;
                    const auto open = static_cast<int>(of(forwards, flow, stage).size() -
                                                       of(backwards, flow, stage).size());
                    const bool ready =
                        backward ? done(forwards, flow, stage, i, now) &&
                                       (stage == p - 1 || done(backwards, flow, stage + 1, i, now))
                                 : (stage == 0 || done(forwards, flow, stage - 1, i, now)) &&
                                       open < p - stage;
                    const Part part{stage, flow, static_cast<int>(i)};
                    if (ready && (part.micro_batch < best.micro_batch ||
                                  (part.micro_batch == best.micro_batch && stage > best.stage)))
                        best = part;
                }
                if (best.stage < 0) continue;
                (backward ? backwards : forwards)[static_cast<std::size_t>(best.flow)]
                                                 [static_cast<std::size_t>(best.stage)]
                                                     .push_back(now + 1);
                orders[static_cast<std::size_t>(rank)].push_back(
                    backward ? Slot{sim::UnitKind::backward, {}, best}
                             : Slot{sim::UnitKind::forward, best, {}});
                return true;
            }
            return false;
        }

        int p, per_flow;
        Ends forwards, backwards;  // times at which units end
    };
};

const sim::Register<Schedule, Chimera> entry{
    "chimera", "two 1F1B pipelines in opposite directions on the same ranks"};

}  // namespace
}  // namespace moesim::scenarios
