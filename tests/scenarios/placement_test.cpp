#include <catch2/catch.hpp>
#include <numeric>
#include <set>

#include "scenarios/placements/parts.hpp"
#include "tests/scenarios/placements.hpp"

using namespace moesim;
using namespace moesim::scenarios;

namespace {

using Rows = std::vector<std::vector<int>>;
using Table3 = std::vector<std::vector<std::vector<double>>>;

/// Pairs at random; symmetric where asked.
Table3 pairs(models::Random& random, std::size_t layers, std::size_t experts, bool symmetric) {
    Table3 out(layers, std::vector<std::vector<double>>(experts, std::vector<double>(experts)));
    for (auto& layer : out)
        for (std::size_t a = 0; a < experts; ++a)
            for (std::size_t b = 0; b < experts; ++b)
                layer[a][b] = symmetric && b < a ? layer[b][a] : random.below(50);
    return out;
}

/// A few layers of a shape drawn at random, with all that any strategy wants to know.
PlacementInput draw(std::uint64_t seed, bool replicates) {
    models::Random random{77, seed};
    const int nodes = 1 << random.below(3), gpus = nodes * (1 << random.below(3));
    const int groups = 1 << random.below(4);
    const int experts = std::lcm(gpus, groups) * static_cast<int>(1 + random.below(2));
    const int extra = replicates ? static_cast<int>(random.below(3)) * gpus : 0;
    const std::size_t layers = 1 + random.below(3), n = static_cast<std::size_t>(experts);
    std::vector<std::vector<double>> weight;
    for (std::size_t l = 0; l < layers; ++l) weight.push_back(skewed(random, experts));
    PlacementInput out = loads(weight, experts + extra, groups, nodes, gpus);
    out.seed = seed;
    out.together = pairs(random, layers, n, true);
    out.follows = pairs(random, layers - 1, n, false);
    return out;
}

std::vector<std::string> all_but_given() {
    std::vector<std::string> out = PlacementStrategies::names();
    out.erase(std::remove(out.begin(), out.end(), "given"), out.end());
    return out;
}

}  // namespace

TEST_CASE("placement: slots give the replicas of each expert and its load") {
    const Placement p = Placement::from_slots({{0, 1, 1, 2}}, 3);
    CHECK(p.log2phy == std::vector<Rows>{{{0}, {1, 2}, {3}}});
    CHECK(p.logcnt == Rows{{1, 2, 1}});
    // Expert 1 shares its 10 equally: GPU 0 has 4 + 5, GPU 1 has 5 + 7.
    CHECK(p.gpu_load(0, {4, 10, 7}, 2) == std::vector<double>{9, 12});
}

TEST_CASE("placement: check names each broken rule and lets a sound placement pass") {
    const auto input = loads({{1, 2, 3}}, 4, 1, 1, 2);
    const Placement sound = Placement::from_slots({{0, 1, 1, 2}}, 3);
    CHECK_NOTHROW(check(sound, input));
    CHECK_THROWS_WITH(check(Placement::from_slots({{0, 1, 1, 1}}, 3), input),
                      "expert 2 of layer 0 has no slot");
    CHECK_THROWS_WITH(check(Placement::from_slots({{0, 1, 2}}, 3), input),
                      "layer 0 fills 3 of 4 slots");
    CHECK_THROWS_WITH(check(Placement{}, input), "the placement has 0 layers, the loads have 1");
    Placement p = sound;
    p.phy2log[0][0] = 3;
    CHECK_THROWS_WITH(check(p, input), "slot 0 of layer 0 holds expert 3 of 3");
    p = sound;
    p.logcnt[0][1] = 3;
    CHECK_THROWS_WITH(check(p, input), "expert 1 of layer 0 has 2 slots but a count of 3");
    p = sound;
    p.log2phy[0][1] = {1, 1};
    CHECK_THROWS_WITH(check(p, input), "slot 1 of layer 0 is listed for expert 1 and holds 1");
    p = sound;
    p.log2phy[0][1] = {1};
    p.logcnt[0][1] = 1;
    CHECK_THROWS_WITH(check(p, input), "layer 0 lists 3 of 4 slots");
}

TEST_CASE("placement: every strategy keeps the contract on 1,000 random inputs") {
    for (const std::string& name : all_but_given()) {
        const auto s = strategy(name);
        INFO(name);
        for (std::uint64_t seed = 0; seed < 1000; ++seed) {
            const PlacementInput input = draw(seed, s->replicates());
            INFO("seed " << seed);
            REQUIRE(s->refuse(input) == "");
            const Placement p = s->place(input);
            REQUIRE_NOTHROW(check(p, input));
            if (seed % 50 == 0) REQUIRE(s->place(input).phy2log == p.phy2log);
        }
    }
}

TEST_CASE("placement: strategies without replicas refuse more slots than experts") {
    for (const std::string& name : all_but_given()) {
        const auto s = strategy(name);
        PlacementInput input = draw(3, false);
        INFO(name);
        CHECK(s->refuse(input) == "");
        input.slots += input.gpus;
        CHECK(s->refuse(input).empty() == s->replicates());
    }
}

TEST_CASE("placement: every strategy refuses what cannot be placed") {
    for (const std::string& name : all_but_given()) {
        const auto s = strategy(name);
        const PlacementInput good = draw(4, false);
        INFO(name);
        REQUIRE(s->refuse(good) == "");
        const auto refused = [&](auto&& spoil) {
            PlacementInput bad = good;
            spoil(bad);
            return !s->refuse(bad).empty();
        };
        CHECK(refused([](auto& in) { in.weight.clear(); }));
        CHECK(refused([](auto& in) { in.weight[0].clear(); }));
        CHECK(refused([](auto& in) { in.weight.back().pop_back(); }));
        CHECK(refused([](auto& in) { in.weight[0][1] = -1; }));
        CHECK(refused([](auto& in) { in.weight[0][1] = std::nan(""); }));
        CHECK(refused([](auto& in) { in.weight[0][1] = INFINITY; }));
        CHECK(refused([](auto& in) { in.weight[0].assign(in.weight[0].size(), 1e308); }));
        CHECK(refused([](auto& in) { in.slots += 1; }));
        CHECK(refused([](auto& in) { in.slots -= in.gpus; }));
        CHECK(refused([](auto& in) { in.gpus = 0; }));
        CHECK(refused([](auto& in) { in.nodes = in.gpus + 1; }));
        CHECK(refused([](auto& in) { in.groups = 1000; }));
        CHECK(refused([](auto& in) { in.gpu_speed = {1}; }));
        CHECK(refused([](auto& in) { in.together.emplace_back(); }));
        CHECK(refused([](auto& in) { in.together[0][0][1] = -1; }));
        CHECK(refused([](auto& in) { in.follows.emplace_back(); }));
    }
}

TEST_CASE("placement: contiguous and round_robin deal experts as drawn") {
    const auto input = loads({std::vector<double>(8, 1.0)}, 12, 1, 1, 4);
    CHECK(strategy("contiguous")->place(input).phy2log ==
          Rows{{0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3}});
    CHECK(strategy("round_robin")->place(input).phy2log ==
          Rows{{0, 4, 0, 1, 5, 1, 2, 6, 2, 3, 7, 3}});
}

TEST_CASE("placement: random follows its seed and differs between layers") {
    auto input = loads({2, std::vector<double>(64, 1.0)}, 64, 1, 1, 8);
    const auto s = strategy("random");
    const Rows first = s->place(input).phy2log;
    CHECK(first[0] != first[1]);
    CHECK(s->place(input).phy2log == first);
    input.seed = 1;
    CHECK(s->place(input).phy2log != first);
}

TEST_CASE("placement: lpt fills the least loaded GPU that has room") {
    // 7 -> 0, 6 -> 1, 5 -> 1 (6 < 7), 4 -> 0 (7 < 11), 3 -> 0 (equal, first), 2 -> 1: 14 and 13.
    const auto input = loads({{7, 6, 5, 4, 3, 2}}, 6, 1, 1, 2);
    CHECK(strategy("lpt")->place(input).phy2log == Rows{{0, 3, 4, 1, 2, 5}});
}

TEST_CASE("placement: lpt gives a faster GPU the larger load") {
    // GPU 1 is twice as fast: 6 -> 1 (3 < 6), 4 -> 0 (4 < 5), 3 -> 1 (4.5 < 7), 1 -> 0 (5).
    auto input = loads({{6, 4, 3, 1}}, 4, 1, 1, 2);
    input.gpu_speed = {1, 2};
    CHECK(strategy("lpt")->place(input).gpu_load(0, input.weight[0], 2) ==
          std::vector<double>{5, 9});
    input.gpu_speed = {};
    CHECK(strategy("lpt")->place(input).gpu_load(0, input.weight[0], 2) ==
          std::vector<double>{7, 7});
}

TEST_CASE("placement: karmarkar_karp joins the most uneven runs first") {
    // Runs (10, 7), (6, 5), (4, 1), (1, 1): spreads 3, 1, 3, 0. The first and third join to
    // (10 + 1, 7 + 4), spread 0; (6, 5) with (11, 11), older of the two zeros last: the end is
    // (6 + 11, 5 + 11) and (1, 1), 18 and 17 of 35. lpt: 10, 5, 1, 1 and 7, 6, 4, 1 give 17, 18.
    const auto input = loads({{10, 7, 6, 5, 4, 1, 1, 1}}, 8, 1, 1, 2);
    CHECK(largest(strategy("karmarkar_karp")->place(input), input) == 18);
}

TEST_CASE("placement: karmarkar_karp beats lpt on loads that are spread evenly") {
    int better = 0;
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        models::Random random{seed};
        std::vector<double> weight;
        for (int e = 0; e < 64; ++e) weight.push_back(100 + random.below(1000));
        const auto input = loads({weight}, 64, 1, 1, 8);
        better += largest(strategy("karmarkar_karp")->place(input), input) <
                  largest(strategy("lpt")->place(input), input);
    }
    CHECK(better > 180);
}

TEST_CASE("placement: balancing 64 experts on 8 GPUs is not worse than contiguous") {
    // Not a theorem (see the next case). Differencing gives a GPU one expert of every eighth by
    // load, so a very hot one is not left with the coldest: on skewed loads it loses about 6 in
    // 100.
    for (const std::string name : {"lpt", "karmarkar_karp", "eplb", "eplb_topology"}) {
        int worse_skewed = 0, worse_even = 0;
        for (std::uint64_t seed = 0; seed < 1000; ++seed) {
            models::Random random{seed, 2};
            auto input = loads({skewed(random, 64)}, 64, 1, 1, 8);
            const auto worse = [&] {
                return largest(strategy(name)->place(input), input) >
                       largest(strategy("contiguous")->place(input), input) * (1 + 1e-12);
            };
            worse_skewed += worse();
            for (double& x : input.weight[0]) x = 100 + random.below(1000);
            worse_even += worse();
        }
        INFO(name);
        CHECK(worse_skewed <= (name == "karmarkar_karp" ? 100 : 0));
        CHECK(worse_even == 0);
    }
}

TEST_CASE("placement: with few experts contiguous may win by luck") {
    // 2 + 9 + 3 + 2 = 16 = 5 + 1 + 5 + 5. LPT puts 9 with 5 of the fives: 9 5 2 1 or 9 3 2 ...;
    // none of the greedy ways finds the even split, and no bound of theirs forbids it.
    const auto input = loads({{2, 9, 3, 2, 5, 1, 5, 5}}, 8, 1, 1, 2);
    CHECK(largest(strategy("contiguous")->place(input), input) == 16);
    for (const std::string name : {"lpt", "karmarkar_karp", "eplb"})
        CHECK(largest(strategy(name)->place(input), input) == 17);
}

TEST_CASE("placement: renumbering experts of distinct loads changes no GPU load") {
    // For lpt, karmarkar_karp, eplb (global) and eplb_topology, which look at loads only. Not for
    // contiguous or round_robin, which look at numbers only.
    for (const std::string name : {"lpt", "karmarkar_karp", "eplb", "eplb_topology"}) {
        const auto s = strategy(name);
        for (std::uint64_t seed = 0; seed < 100; ++seed) {
            models::Random random{seed, 3};
            std::vector<double> weight, other(64);
            for (int e = 0; e < 64; ++e) weight.push_back(64 * random.below(1000) + e);
            const std::vector<int> to = random.permutation(64);
            for (std::size_t e = 0; e < 64; ++e) other[static_cast<std::size_t>(to[e])] = weight[e];
            const int slots = s->replicates() ? 80 : 64;
            const auto a = loads({weight}, slots, 1, 2, 8), b = loads({other}, slots, 1, 2, 8);
            auto x = s->place(a).gpu_load(0, weight, 8), y = s->place(b).gpu_load(0, other, 8);
            std::sort(x.begin(), x.end());
            std::sort(y.begin(), y.end());
            INFO(name << " seed " << seed);
            for (std::size_t g = 0; g < 8; ++g) REQUIRE(x[g] == Approx(y[g]).epsilon(1e-12));
        }
    }
}
