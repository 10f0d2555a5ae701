#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "models/random.hpp"
#include "models/routing.hpp"
#include "models/shares.hpp"
#include "sim/paths.hpp"

using namespace moesim;
using models::Resample;

namespace {

using Vectors = std::vector<std::vector<double>>;

models::RoutingShape shape(int experts, int moe_layers) {
    models::RoutingShape out;
    out.experts = experts;
    out.top_k = 8;
    out.moe_layers = moe_layers;
    out.seed = 1;
    return out;
}

std::unique_ptr<models::Routing> make(const std::string& text, const models::RoutingShape& s) {
    sim::Table table = sim::Table::from_text(text, "routing.toml");
    auto out = models::make_routing(table, s);
    table.finish();
    return out;
}

double sum(const std::vector<double>& v) { return std::accumulate(v.begin(), v.end(), 0.0); }

double cv(const std::vector<double>& v) {
    const double mean = sum(v) / static_cast<double>(v.size());
    double squares = 0;
    for (const double x : v) squares += (x - mean) * (x - mean);
    return std::sqrt(squares / static_cast<double>(v.size())) / mean;
}

double max_over_mean(const std::vector<double>& v) {
    return *std::max_element(v.begin(), v.end()) * static_cast<double>(v.size()) / sum(v);
}

models::ShareTable olmoe() {
    return models::read_share_table(
        sim::find_data("routing table", "models/routing", "olmoe-shares", ".csv"));
}

std::string csv_complaint(const std::string& text) {
    const auto path = std::filesystem::temp_directory_path() / "moesim-shares-test.csv";
    std::ofstream{path} << text;
    std::string out = "accepted";
    try {
        models::read_share_table(path);
    } catch (const sim::InputError& error) {
        out = error.what();
    }
    std::filesystem::remove(path);
    return out;
}

}  // namespace

TEST_CASE("routing: balanced gives every expert the same share") {
    const auto routing = make("", shape(64, 4));
    CHECK(routing->kinds() == 1);
    CHECK(routing->layer(3).share == Vectors{std::vector<double>(64, 1.0 / 64)});
    CHECK(routing->kind_of_source(5, 3) == std::vector<int>{0, 0, 0});
    CHECK_FALSE(routing->sampled());
    CHECK(routing->rows(0, false, 1).empty());
}

TEST_CASE("routing: rows are given per layer and pass, and repeat") {
    const auto routing =
        make("kind = \"rows\"\nforward = [1, 2]\nbackward = [3, 4]\n", shape(8, 4));
    CHECK(routing->rows(0, false, 1) == std::vector<double>{1});
    CHECK(routing->rows(3, false, 1) == std::vector<double>{2});
    CHECK(routing->rows(3, true, 1) == std::vector<double>{4});
    CHECK(make("kind = \"rows\"\nforward = [5]\n", shape(8, 4))->rows(2, true, 1) ==
          std::vector<double>{5});
    CHECK_THROWS_WITH(make("kind = \"rows\"\nforward = [1, 2, 3]\n", shape(8, 4)),
                      Catch::Contains("3 numbers for 4 MoE layers"));
    CHECK_THROWS_AS(make("kind = \"rows\"\n", shape(8, 4)), sim::InputError);
}

TEST_CASE("routing: an unknown kind is refused with the nearest one") {
    CHECK_THROWS_WITH(make("kind = \"mesured\"\n", shape(8, 4)), Catch::Contains("measured"));
}

TEST_CASE("routing: the OLMoE table holds the skew that was counted") {
    const auto table = olmoe();
    CHECK(table.layers == std::vector<int>{0, 7, 15});
    CHECK(table.domains == std::vector<std::string>{"arxiv", "book", "c4", "github", "wikipedia"});
    CHECK(table.experts() == 64);
    // greatest over mean count, from allenai/OLMoE's counters
    CHECK(max_over_mean(table.share[0][0]) == Approx(7.813).epsilon(1e-4));   // arxiv, layer 0
    CHECK(max_over_mean(table.share[1][2]) == Approx(2.6579).epsilon(1e-4));  // c4, layer 7
    CHECK(cv(table.share[2][4]) == Approx(1.3012).epsilon(1e-4));             // wikipedia, layer 15
}

TEST_CASE("routing: measured loads of as many experts are used as they are") {
    const auto table = olmoe();
    const auto routing = make("kind = \"measured\"\n", shape(64, 16));
    // relative depth of the layers measured: 0, 7/15, 1; layer 3 of 0..15 is nearer to 0, 4 to 7
    CHECK(routing->layer(0).share == table.share[0]);
    CHECK(routing->layer(3).share == table.share[0]);
    CHECK(routing->layer(4).share == table.share[1]);
    CHECK(routing->layer(7).share == table.share[1]);
    CHECK(routing->layer(15).share == table.share[2]);
    CHECK(make("kind = \"measured\"\n", shape(64, 2))->layer(1).share == table.share[2]);
    CHECK(routing->sampled());
}

TEST_CASE("routing: resampling by rank keeps sums, order and correlation") {
    // mean order: expert 1 (0.15), 0 (0.85); four targets stand at 1/4, 3/4 | 5/4, 7/4 of two
    const Vectors two{{0.9, 0.1}, {0.8, 0.2}};
    const auto four = models::resample(two, 4, Resample::nearest);
    CHECK(four[0][0] == Approx(0.05));
    CHECK(four[0][1] == Approx(0.05));
    CHECK(four[0][2] == Approx(0.45));
    CHECK(four[1][3] == Approx(0.40));
    // linear: log-shares ln 0.1, + 1/4, + 3/4 of ln 9, ln 0.9, i.e. 1, 9^(1/4), 9^(3/4), 9 over
    // their sum
    const double all = 1 + std::pow(9, 0.25) + std::pow(9, 0.75) + 9;
    const auto smooth = models::resample(two, 4, Resample::linear);
    CHECK(smooth[0][0] == Approx(1 / all));
    CHECK(smooth[0][1] == Approx(std::pow(9, 0.25) / all));
    CHECK(smooth[0][2] == Approx(std::pow(9, 0.75) / all));
    CHECK(models::resample(two, 2, Resample::linear) == two);
    for (const int experts : {8, 60, 128, 256, 384}) {
        for (const auto& domain : models::resample(olmoe().share[1], experts, Resample::linear)) {
            CHECK(domain.size() == static_cast<std::size_t>(experts));
            CHECK(sum(domain) == Approx(1).epsilon(1e-12));
        }
    }
}

TEST_CASE("routing: nearest resampling to a multiple keeps each domain's spread exactly") {
    const auto table = olmoe();
    for (std::size_t l = 0; l < 3; ++l) {
        const auto many = models::resample(table.share[l], 256, Resample::nearest);
        for (std::size_t d = 0; d < 5; ++d)
            CHECK(cv(many[d]) == Approx(cv(table.share[l][d])).epsilon(1e-9));
    }
}

TEST_CASE("routing: the tilt of two domains over two experts is the one found by hand") {
    // shares (a, 1-a) and (1-a, a) with equal weights are uniform in the mixture already
    const Vectors mirror{{0.7, 0.3}, {0.3, 0.7}};
    CHECK(models::tilt_to_uniform(mirror, {0.5, 0.5})[0][0] == Approx(0.7).epsilon(1e-9));
    // one domain alone becomes uniform
    CHECK(models::tilt_to_uniform({{0.9, 0.1}}, {1.0})[0][0] == Approx(0.5).epsilon(1e-9));
    // (0.8, 0.2) and (0.5, 0.5): odds 4 and 1 times t = exp(b_0 - b_1); 4t/(1+4t) + t/(1+t) = 1
    // gives 4t^2 = 1, t = 1/2: shares 2/3 and 1/3
    const auto tilted = models::tilt_to_uniform({{0.8, 0.2}, {0.5, 0.5}}, {0.5, 0.5});
    CHECK(tilted[0][0] == Approx(2.0 / 3).epsilon(1e-9));
    CHECK(tilted[1][0] == Approx(1.0 / 3).epsilon(1e-9));
}

TEST_CASE("routing: bias-balanced loads are uniform over the mixture and skewed in each domain") {
    const auto weights = GENERATE(as<std::string>{}, "", "weights = [1, 2, 3, 4, 5]\n");
    const auto routing =
        make("kind = \"measured\"\nbias_balanced = true\n" + weights, shape(256, 58));
    const std::vector<double> w =
        weights.empty() ? std::vector<double>(5, 0.2)
                        : std::vector<double>{1. / 15, 2. / 15, 3. / 15, 4. / 15, 5. / 15};
    for (const int layer : {0, 30, 57}) {
        const auto& share = routing->layer(layer).share;
        REQUIRE(share.size() == 5);
        for (std::size_t e = 0; e < 256; ++e) {
            double mixture = 0;
            for (std::size_t d = 0; d < 5; ++d) mixture += w[d] * share[d][e];
            if (std::abs(mixture * 256 - 1) > 1e-9) FAIL("expert " << e << ": " << mixture * 256);
        }
        for (const auto& domain : share) {
            CHECK(sum(domain) == Approx(1).epsilon(1e-12));
            CHECK(cv(domain) > 0.1);
        }
    }
}

TEST_CASE("routing: each layer deals the same loads to other experts, all domains alike") {
    const auto routing = make("kind = \"measured\"\n", shape(256, 58));
    const auto& one = routing->layer(0).share;
    const auto& two = routing->layer(1).share;
    CHECK(one[0] != two[0]);
    // the same pairs (share in domain 0, share in domain 1), in another order
    const auto pairs = [](const Vectors& v) {
        std::vector<std::pair<double, double>> out;
        for (std::size_t e = 0; e < v[0].size(); ++e) out.emplace_back(v[0][e], v[1][e]);
        std::sort(out.begin(), out.end());
        return out;
    };
    CHECK(pairs(one) == pairs(two));
}

TEST_CASE("routing: sequences draw their domain by weight, from the seed alone") {
    const std::string text = "kind = \"measured\"\nweights = [1, 0, 0, 0, 3]\n";
    const auto routing = make(text, shape(64, 2));
    const auto kinds = routing->kind_of_source(3, 20'000);
    const auto of = [&](int k) { return std::count(kinds.begin(), kinds.end(), k); };
    CHECK(of(1) + of(2) + of(3) == 0);
    // binomial: 5,000 expected, standard deviation sqrt(20000 / 4 x 3 / 4) = 61; four of them
    CHECK(std::abs(static_cast<double>(of(0)) - 5000) < 245);
    CHECK(make(text, shape(64, 2))->kind_of_source(3, 20'000) == kinds);
    CHECK(routing->kind_of_source(4, 20'000) != kinds);
    auto other = shape(64, 2);
    other.seed = 2;
    CHECK(make(text, other)->kind_of_source(3, 20'000) != kinds);
}

TEST_CASE("routing: the shape says whether bias balancing is the default, and the table decides") {
    auto s = shape(64, 2);
    s.bias_balanced = true;
    CHECK(make("kind = \"measured\"\n", s)->resolved()["bias_balanced"] == true);
    CHECK(make("kind = \"measured\"\nbias_balanced = false\n", s)->layer(0).share ==
          olmoe().share[0]);
}

TEST_CASE("routing: a share table is refused at its line and column") {
    const std::string head = "# loads\ndomain,layer,expert,share\n";
    CHECK(csv_complaint(head + "a,0,0,3\na,0,1,1\n") == "accepted");
    CHECK_THAT(csv_complaint("domain,layer,expert,load\na,0,0,3\n"),
               Catch::Contains(":1:21: error: share"));
    CHECK_THAT(csv_complaint(head + "a,0,0,x\n"), Catch::Contains(":3:7: error: share"));
    CHECK_THAT(csv_complaint(head + "a,0,0,nan\n"), Catch::Contains("share"));
    CHECK_THAT(csv_complaint(head + "a,0,0,-1\n"), Catch::Contains("share"));
    CHECK_THAT(csv_complaint(head + "a,0,0\n"), Catch::Contains("3 fields"));
    CHECK_THAT(csv_complaint(head + "a,0,0,3\na,0,0,1\n"), Catch::Contains("twice"));
    CHECK_THAT(csv_complaint(head + "a,0,0,3\na,0,2,1\n"), Catch::Contains("up to number 2"));
    CHECK_THAT(csv_complaint(head + "a,0,0,3\na,1,0,3\nb,0,0,1\n"), Catch::Contains("missing"));
    CHECK_THAT(csv_complaint(head + "a,0,0,0\n"), Catch::Contains("sum"));
    CHECK_THAT(csv_complaint(head), Catch::Contains("no loads"));
    CHECK_THROWS_WITH(make("kind = \"measured\"\nweights = [1]\n", shape(64, 2)),
                      Catch::Contains("1 numbers for 5 domains"));
}

TEST_CASE("random: a permutation holds every number once") {
    auto p = models::Random{1, 2}.permutation(100);
    CHECK(p != models::Random{2, 1}.permutation(100));
    std::sort(p.begin(), p.end());
    std::vector<int> want(100);
    std::iota(want.begin(), want.end(), 0);
    CHECK(p == want);
}
