#include "scenarios/loads.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <numeric>

#include "scenarios/per_batch.hpp"
#include "tests/scenarios/small.hpp"

using namespace moesim;
using namespace moesim::scenarios;

namespace {

std::vector<int> first(int count) {
    std::vector<int> out(static_cast<std::size_t>(count));
    std::iota(out.begin(), out.end(), 0);
    return out;
}

double sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

double mean_max_over_mean(const Scenario& s) {
    const Loads loads{s, first(16)};
    double out = 0;
    for (int layer = 0; layer < 4; ++layer)
        for (int mb = 0; mb < 4; ++mb)
            out += max_over_mean(loads.get(layer, mb, 0, false).rows) / 16;
    return out;
}

const char* const kBalanced = "routing={kind=\"balanced\"}";

}  // namespace

TEST_CASE("loads: balanced routing gives every rank tokens x top-k rows and equal ports") {
    const Scenario s = small({kBalanced});
    const Loads loads{s, first(16)};
    CHECK_FALSE(loads.differ());
    const ExchangeLoad load = loads.get(0, 0, 0, false);
    for (const double rows : load.rows) CHECK(rows == Approx(1024 * 8));
    CHECK(max_over_mean(load.ports.nic_out) == Approx(1));
    CHECK(max_over_mean(load.ports.nvlink_in) == Approx(1));
    // Two nodes with 8 groups: every token touches both nearly always, so one remote copy a token.
    CHECK(load.ports.nic_out[0] == Approx(1024).epsilon(0.02));
    CHECK(sum(load.unique) < sum(load.rows));
}

TEST_CASE("loads: skewed routing keeps the number of rows, spread unevenly") {
    const Scenario s = small();
    const Loads loads{s, first(16)};
    CHECK(loads.differ());
    const ExchangeLoad load = loads.get(1, 3, 0, false);
    // The sampling noise of a rank's rows is the square root of their number.
    CHECK(sum(load.rows) == Approx(16 * 1024 * 8).epsilon(0.01));
    CHECK(max_over_mean(load.rows) > 1.1);
    CHECK(sum(load.ports.nic_out) == Approx(sum(load.ports.nic_in)));
    CHECK(sum(load.ports.nvlink_out) == Approx(sum(load.ports.nvlink_in)));
}

TEST_CASE("loads: what is observed for placing is not what the run draws") {
    const Scenario s = small();
    const Loads loads{s, first(16)};
    const auto seen = observed_loads(s, 16), later = observed_loads(s, 16, 1);
    CHECK(seen.size() == 4);
    CHECK(seen != later);
    CHECK(sum(seen[0]) == Approx(64.0 * 16 * 1024 * 8));
}

TEST_CASE("loads: better placements even the rows out, on loads that they have not seen") {
    const double contiguous = mean_max_over_mean(small());
    const double lpt = mean_max_over_mean(small({"placement.strategy=lpt"}));
    const double eplb =
        mean_max_over_mean(small({"placement.strategy=eplb", "placement.redundant=64"}));
    CHECK(lpt < contiguous);
    CHECK(eplb < contiguous);
    CHECK(eplb > 1);
}

TEST_CASE("loads: the nearest replica saves network copies, and rows stay") {
    const std::vector<std::string> eplb{"placement.strategy=eplb", "placement.redundant=128"};
    auto nearest = eplb;
    nearest.push_back("placement.replicas=nearest");
    const Scenario uniform = small(eplb), near = small(nearest);
    const ExchangeLoad a = Loads{uniform, first(16)}.get(0, 0, 0, false);
    const ExchangeLoad b = Loads{near, first(16)}.get(0, 0, 0, false);
    CHECK(sum(b.ports.nic_out) <= sum(a.ports.nic_out) * (1 + 1e-9));
    CHECK(sum(b.rows) == Approx(sum(a.rows)).epsilon(0.01));
}

TEST_CASE("loads: linear programming shares are shares, and never worse than equal ones") {
    PlacementInput input;
    input.weight = {{8, 1, 1, 1, 1, 4}};
    input.slots = 8;
    input.gpus = 4;
    // Expert 0 on GPUs 0 and 1, expert 5 on GPUs 2 and 3.
    const Placement placement = Placement::from_slots({{0, 1, 0, 2, 5, 3, 5, 4}}, 6);
    const auto shares = balanced_shares(placement, input).front();
    CHECK(shares[0] + shares[2] == Approx(1));
    CHECK(shares[4] + shares[6] == Approx(1));
    // GPU loads with equal shares: 5 5 3 3; expert 0 cannot leave GPUs 0 and 1, so 5 stays the
    // best.
    const double gpu0 = 8 * shares[0] + shares[1], gpu1 = 8 * shares[2] + shares[3];
    CHECK(std::max(gpu0, gpu1) == Approx(5));
}

TEST_CASE("loads: spilling and shadowing move rows, lose none and ship weights") {
    const std::string strategy = GENERATE("least_loaded", "shadowing");
    // Skew among 16 ranks is mild: spill early.
    const std::string placement =
        strategy == "shadowing"
            ? "placement={strategy=\"shadowing\"}"
            : "placement={strategy=\"least_loaded\", threshold=1.05, capacity=1.02}";
    const Scenario s = small({placement}), base = small();
    const ExchangeLoad moved = Loads{s, first(16)}.get(0, 0, 0, false);
    const ExchangeLoad before = Loads{base, first(16)}.get(0, 0, 0, false);
    CHECK(sum(moved.rows) == Approx(sum(before.rows)).epsilon(0.01));
    if (strategy == "least_loaded") {
        CHECK(max_over_mean(moved.rows) < max_over_mean(before.rows));
        CHECK(sum(moved.shipped.nic_out) + sum(moved.shipped.nvlink_out) > 0);
    }
    CHECK(before.shipped.nic_out.empty());
}

TEST_CASE("loads: whole sequences of one domain make micro-batches uneven, not single tokens") {
    // The balanced mixture of skewed domains: each expert's share is 1 / E over all sequences, but
    // a sequence draws one domain d. A rank's rows over micro-batches then have the variance S (T
    // k)^2 Var_d(share of the rank's experts), S sequences of T tokens, beside the scatter of
    // single choices, S T k / 16.
    const Scenario s = small({"routing={kind=\"measured\",resample=\"nearest\",bias_balanced=true}",
                              "batch.sequence=16384"});
    const Loads loads{s, first(16)};
    const auto& share = s.routing->layer(0).share;
    std::vector<double> of_domain;  // of the experts on rank 3
    for (const auto& domain : share)
        of_domain.push_back(std::accumulate(domain.begin() + 48, domain.begin() + 64, 0.0));
    const double mean_share = sum(of_domain) / static_cast<double>(of_domain.size());
    CHECK(mean_share == Approx(1.0 / 16));
    double variance = 0;
    for (const double x : of_domain)
        variance += (x - mean_share) * (x - mean_share) / static_cast<double>(of_domain.size());
    const double choices = s.tokens_per_rank() * 8;
    double found = 0;
    const int batches = 2000;
    for (int mb = 0; mb < batches; ++mb) {
        const double rows = loads.get(0, mb, 0, false).rows[3];
        found += std::pow(rows - choices, 2) / batches;
    }
    // 2,000 draws give a variance to about sqrt(2 / 2000) = 3 %
    CHECK(found == Approx(16 * choices * choices * variance + choices).epsilon(0.15));
    CHECK(found > 2 * choices);
}

TEST_CASE("loads: what-if imbalance 0 makes all ranks alike") {
    const Scenario s = small({"what_if.imbalance=0"});
    const ExchangeLoad load = Loads{s, first(16)}.get(0, 0, 0, false);
    CHECK(max_over_mean(load.rows) == Approx(1));
    CHECK(max_over_mean(load.ports.nic_in) == Approx(1));
}
