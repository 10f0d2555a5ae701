#include <catch2/catch.hpp>
#include <cmath>
#include <string>

#include "models/load_statistics.hpp"
#include "models/shares.hpp"
#include "sim/paths.hpp"

using namespace moesim;

TEST_CASE("load statistics: the five of a vector worked out by hand") {
    // 1 2 3 6: mean 3, squares of differences 4 1 0 9, so variance 3.5
    const std::vector<double> load{3, 1, 6, 2};
    CHECK(models::max_over_mean(load) == Approx(2));
    CHECK(models::max_vio(load) == Approx(1));
    CHECK(models::coefficient_of_variation(load) == Approx(std::sqrt(3.5) / 3));
    // pairs: |differences| 1 2 5 1 4 3 = 16, twice each over n^2 x 2 x mean = 96
    CHECK(models::gini(load) == Approx(32.0 / 96));
    // 1/12, 1/6, 1/4, 1/2 in bits: (3.584962 + 2 x 2.584962 + 3 x 2 + 6 x 1) / 12, of 2 at most
    CHECK(models::normalised_entropy(load) ==
          Approx((3.5849625 + 2 * 2.5849625 + 3 * 2 + 6 * 1) / 12 / 2).epsilon(1e-7));
}

TEST_CASE("load statistics: equal loads and one that has all are the ends of every scale") {
    const std::vector<double> equal(5, 2.0), one{0, 0, 7, 0, 0};
    CHECK(models::max_vio(equal) == Approx(0).margin(1e-12));
    CHECK(models::coefficient_of_variation(equal) == Approx(0).margin(1e-12));
    CHECK(models::gini(equal) == Approx(0).margin(1e-12));
    CHECK(models::normalised_entropy(equal) == Approx(1));
    CHECK(models::max_over_mean(one) == Approx(5));
    CHECK(models::gini(one) == Approx(0.8));  // (n - 1) / n
    CHECK(models::normalised_entropy(one) == Approx(0).margin(1e-12));
    CHECK(models::normalised_entropy({3.0}) == 0);
}

TEST_CASE("load statistics: the OLMoE table is as skewed as the counts it was made from") {
    // computed from the counters of allenai/OLMoE, commit 357454f (208,896 tokens per domain), in
    // another language than this one; the table has 6 digits
    struct Row {
        std::string domain;
        int layer;
        double max_over_mean, cv, gini, entropy;
    };
    const std::vector<Row> published{{"arxiv", 0, 7.813, 0.9506, 0.3173, 0.9428},
                                     {"arxiv", 7, 6.2831, 1.2772, 0.5517, 0.8661},
                                     {"arxiv", 15, 7.495, 1.2495, 0.5618, 0.8638},
                                     {"book", 0, 3.632, 0.5613, 0.2682, 0.9659},
                                     {"book", 7, 4.0571, 0.8398, 0.4144, 0.9298},
                                     {"book", 15, 2.9279, 0.7765, 0.4332, 0.9255},
                                     {"c4", 0, 3.0165, 0.3242, 0.1371, 0.9897},
                                     {"c4", 7, 2.6579, 0.4023, 0.2119, 0.9817},
                                     {"c4", 15, 2.4992, 0.5124, 0.2878, 0.9683},
                                     {"github", 0, 5.0063, 0.6613, 0.2909, 0.961},
                                     {"github", 7, 6.1566, 1.3489, 0.5835, 0.8514},
                                     {"github", 15, 4.5086, 1.1898, 0.5894, 0.853},
                                     {"wikipedia", 0, 6.1786, 0.8977, 0.3489, 0.9389},
                                     {"wikipedia", 7, 6.7805, 1.0226, 0.4491, 0.9128},
                                     {"wikipedia", 15, 4.6507, 1.3012, 0.6333, 0.8293}};
    const auto table = models::read_share_table(
        sim::find_data("routing table", "models/routing", "olmoe-shares", ".csv"));
    std::size_t i = 0;
    for (std::size_t d = 0; d < table.domains.size(); ++d)
        for (std::size_t l = 0; l < table.layers.size(); ++l, ++i) {
            const Row& row = published.at(i);
            INFO(row.domain << ", layer " << row.layer);
            REQUIRE(table.domains[d] == row.domain);
            REQUIRE(table.layers[l] == row.layer);
            const auto& share = table.share[l][d];
            // half a unit of the last digit given, and the table's own rounding
            CHECK(models::max_over_mean(share) == Approx(row.max_over_mean).margin(1e-4));
            CHECK(models::coefficient_of_variation(share) == Approx(row.cv).margin(1e-4));
            CHECK(models::gini(share) == Approx(row.gini).margin(1e-4));
            CHECK(models::normalised_entropy(share) == Approx(row.entropy).margin(1e-4));
        }
    CHECK(i == published.size());
}
