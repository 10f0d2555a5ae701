#include <catch2/catch.hpp>

#include <fmt/format.h>

#include <cmath>

#include "analysis/result.hpp"
#include "sim/paths.hpp"

using namespace moesim;

namespace {

struct Run {
    double step, forward, share;  // share: transfers that nothing hides
};

Run run(sim::Table table, const std::vector<std::string>& sets) {
    for (const std::string& s : sets) table.set(s);
    const analysis::RunOptions options;
    const auto r = analysis::result_json(
        analysis::simulate(scenarios::read_scenario(table, 0), options), options);
    return {r["step"]["time_s"], r["step"]["phases_s"]["forward"],
            r["communication"]["exposed_share"]};
}

sim::Table mixtral() {
    return sim::Table::from_file(sim::find_data("scenario", "scenarios", "mixtral-8x7b-h800-node"));
}

const std::vector<std::string> kTiles{"step.chunks=16", "step.chunk_kind=tiles"};

std::vector<std::string> operator+(std::vector<std::string> a, const std::vector<std::string>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

/// How the experts of 8 GPUs are spread: whole ones, or cut over 2, 4 or all 8.
struct Split {
    int expert, tensor;
    [[nodiscard]] std::vector<std::string> sets() const {
        return {fmt::format("parallel.expert={}", expert),
                fmt::format("parallel.expert_tensor={}", tensor)};
    }
};
constexpr Split kSplits[] = {{8, 1}, {4, 2}, {2, 4}, {1, 8}};

}  // namespace

// Comet, arXiv:2502.19811: one MoE layer 1.96 times faster on average, over models, splits, token
// counts and four systems that it is compared with. Ours is one of them, hiding nothing: kernels
// and transfers of the same speed either way, so no more can be gained than is exposed.
TEST_CASE("papers: tiles of fused kernels hide the transfers of a Mixtral MoE layer on 8 H800") {
    const std::string layer =
        std::string{MOESIM_SOURCE_DIR} + "/tests/models/mixtral-moe-layer.toml";
    std::string text = "\n  tokens  experts  exposed  none ms  tiles ms  faster\n";
    double logs = 0;
    int runs = 0;
    for (const int tokens : {8192, 16384}) {
        double share = 0;
        for (const Split& split : kSplits) {
            const auto sets =
                split.sets() + std::vector{"model=\"" + layer + "\"",
                                           fmt::format("batch.sequence={}", tokens / 8)};
            const Run none = run(mixtral(), sets), tiles = run(mixtral(), sets + kTiles);
            const double faster = none.forward / tiles.forward;
            text += fmt::format("{:8} {:>5} x {} {:6.1f} % {:8.3f} {:9.3f} {:6.2f}x\n", tokens,
                                split.expert, split.tensor, 100 * none.share, 1e3 * none.forward,
                                1e3 * tiles.forward, faster);
            CAPTURE(tokens, split.expert, split.tensor, none.share, faster);
            CHECK(none.share > share);  // the more an expert is cut, the more is gathered
            share = none.share;
            CHECK(faster > 1.05);
            // Whichever is longer, compute or transfers, remains.
            CHECK(none.step / tiles.step < 1 / std::max(none.share, 1 - none.share));
            logs += std::log(faster);
            ++runs;
        }
    }
    const double mean = std::exp(logs / runs);
    WARN(text << fmt::format("  mean {:.2f}x, published mean 1.96x (forward)", mean));
    CHECK(mean > 1.2);
    CHECK(mean < 1.96);
}

TEST_CASE("papers: Mixtral on 8 H800 spends two fifths of its time in transfers between GPUs") {
    // arXiv:2502.19811 and its announcement: up to 40 % for Mixtral 8x7B with Megatron-LM, up to
    // 47 % over several models; 1.71 times faster end to end on average. Cut over all GPUs the
    // experts exchange most; whole ones hardly anything.
    std::string text = "\n  experts  exposed  none ms  tiles ms  faster\n";
    double most = 0, logs = 0;
    for (const Split& split : kSplits) {
        const Run none = run(mixtral(), split.sets());
        const Run tiles = run(mixtral(), split.sets() + kTiles);
        text += fmt::format("{:>5} x {} {:6.1f} % {:8.2f} {:9.2f} {:6.2f}x\n", split.expert,
                            split.tensor, 100 * none.share, 1e3 * none.step, 1e3 * tiles.step,
                            none.step / tiles.step);
        CHECK(tiles.step < none.step);
        most = std::max(most, none.share);
        logs += std::log(none.step / tiles.step);
    }
    WARN(text << fmt::format("  exposed at most {:.1f} %, published up to 40 %; mean {:.2f}x, "
                             "published mean 1.71x (several models)",
                             100 * most, std::exp(logs / std::size(kSplits))));
    CHECK(most > 0.30);
    CHECK(most < 0.47);
}
