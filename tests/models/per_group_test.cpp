#include "models/per_group.hpp"

#include <catch2/catch.hpp>

#include "models/group_limited.hpp"

using namespace moesim::models;

TEST_CASE("per group: every group gets the same share, split inside as before") {
    const auto even = even_groups({0.3, 0.1, 0.0, 0.6, 0.0, 0.0}, 3);
    CHECK(even[0] == Approx(0.25));  // 3 : 1 of a third
    CHECK(even[1] == Approx(1.0 / 12));
    CHECK(even[2] == 0);
    CHECK(even[3] == Approx(1.0 / 3));
    CHECK(even[4] == Approx(1.0 / 6));  // nothing known: evenly
    CHECK(even[5] == Approx(1.0 / 6));
}

TEST_CASE("per group: a token reaches every rank that holds a whole group") {
    // 16 experts in 4 groups, one choice in each; ranks hold a group, nodes two groups
    RoutingShape shape{16, 4, 4, 4, 1, 0};
    std::vector<int> rank, node;
    for (int e = 0; e < 16; ++e) {
        rank.push_back(e / 4);
        node.push_back(e / 8);
    }
    const double free = expected_distinct(shape, node, rank).gpus;
    CHECK(free == Approx(4 * (1 - 12.0 * 11 * 10 * 9 / (16 * 15 * 14 * 13))));
    shape.per_group = 1;
    CHECK(expected_distinct(shape, node, rank).gpus == Approx(4));
    CHECK(expected_distinct(shape, node, rank).nodes == Approx(2));
    // ranks that hold one expert of each group: missed by a group with 3 / 4
    for (int e = 0; e < 16; ++e) rank[static_cast<std::size_t>(e)] = e % 4;
    CHECK(expected_distinct(shape, node, rank).gpus == Approx(4 * (1 - 0.75 * 0.75 * 0.75 * 0.75)));
}
