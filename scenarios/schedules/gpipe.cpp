#include "scenarios/schedule.hpp"
#include "sim/registry.hpp"

namespace moesim::scenarios {
namespace {

/// GPipe: all forwards, then all backwards, the last micro-batch first. Source: arXiv:1811.06965.
class Gpipe : public Schedule {
public:
    [[nodiscard]] std::string refuse(int, int) const override { return {}; }
    [[nodiscard]] int rank_of(int, int stage, int) const override { return stage; }
    [[nodiscard]] std::vector<Slot> order(int rank, int, int m) const override {
        std::vector<Slot> out;
        for (int i = 0; i < m; ++i) out.push_back({sim::UnitKind::forward, {rank, 0, i}, {}});
        for (int i = m - 1; i >= 0; --i) out.push_back({sim::UnitKind::backward, {}, {rank, 0, i}});
        return out;
    }
};

/// No pipeline: each micro-batch goes forward and backward before the next begins.
class None final : public Schedule {
public:
    [[nodiscard]] std::string refuse(int ranks, int) const override {
        return ranks == 1 ? "" : "runs on one pipeline rank only";
    }
    [[nodiscard]] int rank_of(int, int, int) const override { return 0; }
    [[nodiscard]] std::vector<Slot> order(int, int, int m) const override {
        std::vector<Slot> out;
        for (int i = 0; i < m; ++i) {
            out.push_back({sim::UnitKind::forward, {0, 0, i}, {}});
            out.push_back({sim::UnitKind::backward, {}, {0, 0, i}});
        }
        return out;
    }
};

/// One overlapped unit: a forward of one micro-batch and a backward of another through the same
/// stage.
class Pair final : public Schedule {
public:
    [[nodiscard]] std::string refuse(int ranks, int) const override {
        return ranks == 1 ? "" : "runs on one pipeline rank only";
    }
    [[nodiscard]] int rank_of(int, int, int) const override { return 0; }
    [[nodiscard]] std::vector<Slot> order(int, int, int) const override {
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
