#include <catch2/catch.hpp>
#include <numeric>

#include "scenarios/placements/assignment.hpp"
#include "scenarios/placements/chain.hpp"
#include "tests/scenarios/placements.hpp"

using namespace moesim;
using namespace moesim::scenarios;

namespace {

Ties none(std::size_t experts) { return {experts, std::vector<double>(experts)}; }

std::vector<int> gpus_of(const Placement& p, const PlacementInput& in, std::size_t layer = 0) {
    std::vector<int> out;
    for (const auto& slots : p.log2phy[layer]) out.push_back(slots.front() / (in.slots / in.gpus));
    return out;
}

double cost(const Ties& ties, const std::vector<int>& gpu, const Apart& apart) {
    double out = 0;
    for (std::size_t a = 0; a < gpu.size(); ++a)
        for (std::size_t b = a + 1; b < gpu.size(); ++b) out += ties[a][b] * apart(gpu[a], gpu[b]);
    return out;
}

/// Hidden groups of `size` experts: ties of 100 inside a group, up to 20 elsewhere.
std::vector<int> hide(models::Random& random, int experts, int size) {
    std::vector<int> out(static_cast<std::size_t>(experts));
    const std::vector<int> order = random.permutation(experts);
    for (int i = 0; i < experts; ++i)
        out[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])] = i / size;
    return out;
}

}  // namespace

TEST_CASE("coactivation: partners share a GPU, partners of partners a node") {
    // 0-4 and 1-5 are chosen together 10 times, and the two pairs 2 times with each other; the same
    // for 2-6 and 3-7. Loads are equal, so only ties count.
    auto input = loads({std::vector<double>(8, 1.0)}, 8, 1, 2, 4);
    input.together = {none(8)};
    const auto tie = [&](std::size_t a, std::size_t b, double times) {
        input.together[0][a][b] = input.together[0][b][a] = times;
    };
    for (const std::size_t a : {0u, 1u, 2u, 3u}) tie(a, a + 4, 10);
    tie(0, 1, 2);
    tie(2, 3, 2);
    const std::vector<int> gpu = gpus_of(strategy("coactivation")->place(input), input);
    for (const std::size_t a : {0u, 1u, 2u, 3u}) CHECK(gpu[a] == gpu[a + 4]);
    CHECK(gpu[0] / 2 == gpu[1] / 2);
    CHECK(gpu[2] / 2 == gpu[3] / 2);
    CHECK(gpu[0] / 2 != gpu[2] / 2);
}

TEST_CASE("coactivation: the tolerance keeps hot partners apart") {
    // 0 and 1 are always together and take 40 of 100 each; on one GPU they make 80 against a mean
    // of
    // 50. With a tolerance of 0.6 that is allowed, with 0.1 it is not.
    auto input = loads({{40, 40, 10, 10}}, 4, 1, 1, 2);
    input.together = {none(4)};
    input.together[0][0][1] = input.together[0][1][0] = 40;
    const auto gpu = [&](const char* toml) {
        return gpus_of(strategy("coactivation", toml)->place(input), input);
    };
    CHECK(gpu("tolerance = 0.61")[0] == gpu("tolerance = 0.61")[1]);
    CHECK(gpu("tolerance = 0.1")[0] != gpu("tolerance = 0.1")[1]);
}

TEST_CASE("coactivation: the search finds hidden groups") {
    models::Random random{21};
    const std::vector<int> group = hide(random, 64, 8);
    auto input = loads({std::vector<double>(64, 1.0)}, 64, 1, 2, 8);
    input.together = {none(64)};
    for (std::size_t a = 0; a < 64; ++a)
        for (std::size_t b = 0; b < a; ++b)
            input.together[0][a][b] = input.together[0][b][a] =
                (group[a] == group[b] ? 100 : 0) + random.below(20);
    const std::vector<int> gpu = gpus_of(strategy("coactivation")->place(input), input);
    for (std::size_t a = 0; a < 64; ++a)
        for (std::size_t b = 0; b < a; ++b) REQUIRE((group[a] == group[b]) == (gpu[a] == gpu[b]));
}

TEST_CASE("coactivation: the search comes within 3 % of the best of all placements on average") {
    // 9 experts on 3 GPUs have 1,680 placements, 12 on 3 have 34,650: enough for the search to be
    // used (more than 5,000), few enough to try them all here.
    double sum = 0;
    const int cases = 20;
    for (int i = 0; i < cases; ++i) {
        models::Random random{31, static_cast<std::uint64_t>(i)};
        std::vector<double> weight;
        for (int e = 0; e < 12; ++e) weight.push_back(50 + random.below(50));
        auto input = loads({weight}, 12, 1, 1, 3);
        input.together = {none(12)};
        for (std::size_t a = 0; a < 12; ++a)
            for (std::size_t b = 0; b < a; ++b)
                input.together[0][a][b] = input.together[0][b][a] = random.below(100);
        const Apart apart{3, 1, 3.2};
        const auto all = all_layouts(weight, 3, 0.1, 40000);
        REQUIRE(all);
        double best = 1e300;
        for (const auto& gpu : *all) best = std::min(best, cost(input.together[0], gpu, apart));
        const Placement p = strategy("coactivation")->place(input);
        const double found = cost(input.together[0], gpus_of(p, input), apart);
        REQUIRE(found >= best * (1 - 1e-12));
        REQUIRE(max_over_mean(p, input) <=
                std::max(1.1, max_over_mean(strategy("lpt")->place(input), input)) + 1e-6);
        sum += found / best;
    }
    CHECK(sum / cases < 1.03);
}

TEST_CASE("coactivation, transition_aware: refuse to guess what is not known") {
    auto input = loads({2, std::vector<double>(8, 1.0)}, 8, 1, 1, 2);
    CHECK(strategy("coactivation")->refuse(input) != "");
    CHECK(strategy("transition_aware")->refuse(input) != "");
    input.together = {none(8), none(8)};
    input.follows = {none(8)};
    CHECK(strategy("coactivation")->refuse(input) == "");
    CHECK(strategy("transition_aware")->refuse(input) == "");
}

TEST_CASE("transition_aware: refuses to be exact where that would not end") {
    auto input = loads({2, std::vector<double>(64, 1.0)}, 64, 1, 1, 8);
    input.follows = {none(64)};
    CHECK(strategy("transition_aware")->refuse(input) == "");
    CHECK(strategy("transition_aware", "method = \"exact\"")->refuse(input) != "");
}

TEST_CASE("transition_aware: a permutation between layers is undone") {
    // Expert e of layer 0 is always followed by 3 e mod 8, and that by 3 (3 e) = e mod 8: all
    // transitions can stay on their GPU, so the cost is 0 by either method.
    auto input = loads({3, std::vector<double>(8, 1.0)}, 8, 1, 2, 4);
    input.follows = {none(8), none(8)};
    for (auto& layer : input.follows)
        for (std::size_t e = 0; e < 8; ++e) layer[e][3 * e % 8] = 5;
    const Chain chain{input, 0.1, 3.2};
    CHECK(chain.cost(chain.exact()) == Approx(0).margin(1e-9));
    CHECK(chain.cost(chain.search(4)) == Approx(0).margin(1e-9));
    // Contiguous leaves 0 -> 0, 7 -> 5 and so on; GPU pairs (e / 2, (3 e mod 8) / 2) of one layer:
    // 00 01 13 10 22 23 31 32, apart by 0 1 3.2 1 0 1 3.2 1, so 5 x 10.4 twice.
    const std::vector<int> gpu{0, 0, 1, 1, 2, 2, 3, 3};
    CHECK(chain.cost({gpu, gpu, gpu}) == Approx(2 * 5 * 10.4));
}

TEST_CASE("transition_aware: the search finds hidden groups in 6 layers of 64 experts") {
    models::Random random{41};
    auto input = loads({6, std::vector<double>(64, 1.0)}, 64, 1, 2, 8);
    std::vector<std::vector<int>> group;
    for (int l = 0; l < 6; ++l) group.push_back(hide(random, 64, 8));
    for (std::size_t l = 0; l < 5; ++l) {
        input.follows.push_back(none(64));
        for (std::size_t a = 0; a < 64; ++a)
            for (std::size_t b = 0; b < 64; ++b)
                input.follows[l][a][b] =
                    (group[l][a] == group[l + 1][b] ? 100 : 0) + random.below(20);
    }
    const Placement p = strategy("transition_aware")->place(input);
    for (std::size_t l = 0; l < 5; ++l) {
        const auto here = gpus_of(p, input, l), next = gpus_of(p, input, l + 1);
        for (std::size_t a = 0; a < 64; ++a)
            for (std::size_t b = 0; b < 64; ++b)
                REQUIRE((group[l][a] == group[l + 1][b]) == (here[a] == next[b]));
    }
}

TEST_CASE("transition_aware: exact is the best of all, the search within 3 % of it on average") {
    double sum = 0;
    const int cases = 30;
    for (int i = 0; i < cases; ++i) {
        models::Random random{51, static_cast<std::uint64_t>(i)};
        std::vector<std::vector<double>> weight(3);
        for (auto& row : weight)
            for (int e = 0; e < 8; ++e) row.push_back(50 + random.below(50));
        auto input = loads(weight, 8, 1, 1, 2);
        for (int l = 0; l < 2; ++l) {
            input.follows.push_back(none(8));
            for (auto& row : input.follows.back())
                for (double& x : row) x = std::floor(10 / (0.05 + random.uniform()));
        }
        const Chain chain{input, 0.1, 3.2};
        double best = 1e300;  // all 70 x 70 x 70 at most
        const auto first = *all_layouts(weight[0], 2, 0.1, 100);
        const auto second = *all_layouts(weight[1], 2, 0.1, 100);
        const auto third = *all_layouts(weight[2], 2, 0.1, 100);
        if (i < 2)
            for (const auto& a : first)
                for (const auto& b : second)
                    for (const auto& c : third) best = std::min(best, chain.cost({a, b, c}));
        const double exact = chain.cost(chain.exact()), found = chain.cost(chain.search(4));
        if (i < 2) REQUIRE(exact == Approx(best).epsilon(1e-12));
        REQUIRE(found >= exact * (1 - 1e-12));
        sum += found / exact;
    }
    CHECK(sum / cases < 1.03);
}

TEST_CASE("transition_aware: no GPU is loaded beyond the tolerance or what lpt needs") {
    models::Random random{61};
    std::vector<std::vector<double>> weight;
    for (int l = 0; l < 4; ++l) weight.push_back(skewed(random, 64));
    auto input = loads(weight, 64, 1, 2, 8);
    for (int l = 0; l < 3; ++l) {
        input.follows.push_back(none(64));
        for (auto& row : input.follows.back())
            for (double& x : row) x = random.below(100);
    }
    const Placement p = strategy("transition_aware", "tolerance = 0.02")->place(input);
    const Placement lpt = strategy("lpt")->place(input);
    for (int l = 0; l < 4; ++l)
        CHECK(max_over_mean(p, input, l) <= std::max(1.02, max_over_mean(lpt, input, l)) + 1e-6);
}

TEST_CASE("assignment: is the best of all permutations") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        models::Random random{seed, 4};
        std::vector<std::vector<double>> cost(6, std::vector<double>(6));
        for (auto& row : cost)
            for (double& x : row) x = static_cast<double>(random.below(100)) - 50;
        const auto sum = [&](const std::vector<int>& column) {
            double out = 0;
            for (std::size_t r = 0; r < 6; ++r) out += cost[r][static_cast<std::size_t>(column[r])];
            return out;
        };
        std::vector<int> columns{0, 1, 2, 3, 4, 5};
        double best = 1e300;
        do best = std::min(best, sum(columns));
        while (std::next_permutation(columns.begin(), columns.end()));
        std::vector<int> found = assign(cost);
        REQUIRE(sum(found) == best);
        std::sort(found.begin(), found.end());
        REQUIRE(found == columns);  // next_permutation has come round to the sorted one
    }
}
