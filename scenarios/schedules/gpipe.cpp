#include "scenarios/schedule.hpp"
#include "sim/registry.hpp"

namespace moesim::scenarios {
namespace {

/// GPipe: all forwards, then all backwards, the last micro-batch first. Source: arXiv:1811.06965.
class Gpipe : public Schedule {
public:
    [[nodiscard]] std::string refuse(const PipelineShape&) const override { return {}; }
    [[nodiscard]] int rank_of(const PipelineShape&, int stage, int) const override { return stage; }
    [[nodiscard]] std::vector<Slot> order(int rank, const PipelineShape& shape) const override {
        const int m = shape.micro_batches;
        std::vector<Slot> out;
        for (int i = 0; i < m; ++i) out.push_back({sim::UnitKind::forward, {rank, 0, i}, {}});
        for (int i = m - 1; i >= 0; --i) out.push_back({sim::UnitKind::backward, {}, {rank, 0, i}});
        return out;
    }
};

/// No pipeline: each micro-batch goes forward and backward before the next begins. In pairs, the
/// next forward runs beside the backward:  F0  F1&B0  F2&B1  ...  B
class None final : public Schedule {
public:
    [[nodiscard]] std::string refuse(const PipelineShape& shape) const override {
        return shape.ranks == 1 ? "" : "runs on one pipeline rank only";
    }
    [[nodiscard]] int rank_of(const PipelineShape&, int, int) const override { return 0; }
    [[nodiscard]] bool can_pair() const override { return true; }
    [[nodiscard]] std::vector<Slot> order(int, const PipelineShape& shape) const override {
        const int m = shape.micro_batches;
        std::vector<Slot> out;
        for (int i = 0; i < m; ++i) {
            if (!shape.pairs || i == 0) out.push_back({sim::UnitKind::forward, {0, 0, i}, {}});
            if (shape.pairs && i + 1 < m)
                out.push_back({sim::UnitKind::pair, {0, 0, i + 1}, {0, 0, i}});
            else
                out.push_back({sim::UnitKind::backward, {}, {0, 0, i}});
        }
        return out;
    }
};

/// One overlapped unit: a forward of one micro-batch and a backward of another through the same
/// stage.
class Pair final : public Schedule {
public:
    [[nodiscard]] std::string refuse(const PipelineShape& shape) const override {
        return shape.ranks == 1 ? "" : "runs on one pipeline rank only";
    }
    [[nodiscard]] int rank_of(const PipelineShape&, int, int) const override { return 0; }
    [[nodiscard]] bool paired() const override { return true; }
    [[nodiscard]] std::vector<Slot> order(int, const PipelineShape&) const override {
        return {{sim::UnitKind::pair, {0, 0, 0}, {0, 0, 1}}};
    }
    [[nodiscard]] bool cut_out() const override { return true; }
};

const sim::Register<Schedule, Gpipe> gpipe{"gpipe", "all forwards, then all backwards"};
const sim::Register<Schedule, None> none{"none", "no pipeline: forward and backward in turn"};
const sim::Register<Schedule, Pair> pair{
    "pair", "one overlapped forward and backward unit, cut out of its run"};

}  // namespace
}  // namespace moesim::scenarios
