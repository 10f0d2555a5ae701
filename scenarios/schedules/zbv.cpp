#include <array>

#include "scenarios/schedule.hpp"
#include "sim/registry.hpp"

namespace moesim::scenarios {
namespace {

/// ZBV: two chunks per rank in the shape of a V, rank r holds stages r and 2p - 1 - r.
///
///   1  2 (p - r) - 1   F0                     F0: forward of chunk 0 (stage r), and so on
///   2  r               F1 F0
///   3  p - r           F1 I1 W1
///   4  m - p           F0 I0 W0 F1 I1 W1      (F0 left out when there is none)
///   5  r               I0 I1
///   6  p - r           I0 W0
///   7                  remaining W1, then W0
///
/// No idle time between a rank's first and last unit when F = I = W; 2p chunks of activations.
/// Source: arXiv:2405.15362 (the V schedule with zero bubble); the order above is our own writing.
class ZeroBubbleV final : public Schedule {
public:
    [[nodiscard]] std::string refuse(const PipelineShape& s) const override {
        return s.micro_batches >= 2 * s.ranks - 1
                   ? ""
                   : "needs 2p - 1 micro-batches or more on p pipeline ranks";
    }
    [[nodiscard]] int chunks() const override { return 2; }
    [[nodiscard]] int rank_of(const PipelineShape& s, int stage, int) const override {
        return stage < s.ranks ? stage : 2 * s.ranks - 1 - stage;
    }
    [[nodiscard]] std::vector<Slot> order(int rank, const PipelineShape& s) const override {
        const int p = s.ranks, m = s.micro_batches;
        std::vector<Slot> out;
        std::array<int, 2> forwards{}, inputs{}, weights{};
        const auto part = [&](int chunk, std::array<int, 2>& count) {
            return Part{chunk == 0 ? rank : 2 * p - 1 - rank, 0,
                        count[static_cast<std::size_t>(chunk)]++};
        };
        const auto F = [&](int chunk) {
            out.push_back({sim::UnitKind::forward, part(chunk, forwards), {}});
        };
        const auto I = [&](int chunk) {
            out.push_back({sim::UnitKind::input_gradient, {}, part(chunk, inputs)});
        };
        const auto W = [&](int chunk) {
            out.push_back({sim::UnitKind::weight_gradient, {}, part(chunk, weights)});
        };
        for (int i = 0; i < 2 * (p - rank) - 1; ++i) F(0);
        for (int i = 0; i < rank; ++i) F(1), F(0);
        for (int i = 0; i < p - rank; ++i) F(1), I(1), W(1);
        while (forwards[1] < m) {
            if (forwards[0] < m) F(0);
            I(0), W(0), F(1), I(1), W(1);
        }
        for (int i = 0; i < rank; ++i) I(0), I(1);
        for (int i = 0; i < p - rank; ++i) I(0), W(0);
        while (weights[1] < m) W(1);
        while (weights[0] < m) W(0);
        return out;
    }
};

const sim::Register<Schedule, ZeroBubbleV> entry{
    "zbv", "two stages per rank in the shape of a V, weight gradients in the bubble"};

}  // namespace
}  // namespace moesim::scenarios
