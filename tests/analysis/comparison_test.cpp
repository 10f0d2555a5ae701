#include "analysis/comparison.hpp"

#include <catch2/catch.hpp>

#include "analysis/jobs.hpp"
#include "analysis/place_scenario.hpp"
#include "tests/scenarios/small.hpp"

using namespace moesim;
using namespace moesim::analysis;
using scenarios::small;
using scenarios::small_table;

TEST_CASE("comparison: placements share a routing digest, seeds do not") {
    CHECK(routing_digest(small()) == routing_digest(small({"placement.strategy=lpt"})));
    CHECK(routing_digest(small()) != routing_digest(small({}, 1)));
    CHECK(routing_digest(small()) != routing_digest(small({"routing={kind=\"balanced\"}"})));
}

TEST_CASE("comparison: a variant equal to the base cannot be told from it") {
    const RunOptions options;
    std::vector<std::vector<scenarios::Scenario>> by_seed;
    for (std::uint64_t seed = 0; seed < 3; ++seed)
        by_seed.push_back({small({}, seed), small({"name=twin"}, seed),
                           small({"name=skew", "what_if.imbalance=3"}, seed)});
    const auto result = compare(by_seed, options, 2);
    REQUIRE(result["variants"].size() == 3);
    const auto& twin = result["variants"][1]["vs_base"];
    CHECK(twin["step_time_ratio"].get<double>() == 1);
    CHECK_FALSE(twin["distinguishable"].get<bool>());
    CHECK(twin["same_routing"].get<bool>());
    CHECK(twin["why"].empty());
    const auto& skew = result["variants"][2]["vs_base"];
    CHECK(skew["mean_rel_difference"].get<double>() > 0);
    CHECK(skew["distinguishable"].get<bool>());
    CHECK_FALSE(skew["why"].empty());
    CHECK(result["step"]["time_s"] == result["variants"][0]["step"]["time_s"]);
}

TEST_CASE("comparison: the same bytes for any number of jobs") {
    const RunOptions options;
    std::vector<std::vector<scenarios::Scenario>> by_seed{
        {small(), small({"placement.strategy=lpt"}), small({"placement.strategy=eplb"})}};
    CHECK(compare(by_seed, options, 1).dump() == compare(by_seed, options, 3).dump());
}

TEST_CASE("jobs: answers come in order, errors as what they were") {
    std::vector<std::function<std::string()>> work;
    for (int i = 0; i < 20; ++i)
        work.emplace_back([i] { return std::string(static_cast<std::size_t>(i) * 10000, 'x'); });
    const auto texts = run_jobs(work, 4);
    for (std::size_t i = 0; i < texts.size(); ++i) CHECK(texts[i].size() == i * 10000);
    work[7] = []() -> std::string { throw sim::InputError{"seven"}; };
    CHECK_THROWS_AS(run_jobs(work, 4), sim::InputError);
    work[7] = []() -> std::string { throw std::logic_error{"seven"}; };
    CHECK_THROWS_AS(run_jobs(work, 4), std::runtime_error);
}

TEST_CASE("place: strategies on a scenario are ranked, those that cannot run say why") {
    const auto result = place_scenario(small_table({"routing={kind=\"power_law\"}"}),
                                       {"contiguous", "lpt", "coactivation"}, 0, 2);
    REQUIRE(result["strategies"].size() == 3);
    CHECK(result["strategies"][0]["step_time_s"].get<double>() <=
          result["strategies"][1]["step_time_s"].get<double>());
    // One load vector for all sequences holds no co-activation.
    CHECK(result["strategies"][2]["strategy"] == "coactivation");
    CHECK(result["strategies"][2]["reason"].get<std::string>().find("coactivation") !=
          std::string::npos);
}

TEST_CASE("place: exported forms hold every slot") {
    const auto placement =
        placement_of(small_table({"placement.strategy=eplb", "placement.redundant=16"}), 0);
    const auto sglang = nlohmann::json::parse(export_placement(placement, "sglang", 3));
    CHECK(sglang["physical_to_logical_map"].size() == 4);
    CHECK(sglang["physical_to_logical_map"][0].size() == 272);
    const std::string yaml = export_placement(placement, "trtllm", 3);
    CHECK(yaml.find("num_slots: 272") == 0);
    CHECK(yaml.find("\n  3: [") != std::string::npos);
    const auto eplb = nlohmann::json::parse(export_placement(placement, "eplb", 3));
    CHECK(eplb["logcnt"][0].size() == 256);
    // Contiguous: slot i holds expert i.
    const auto plain = placement_of(small_table(), 0);
    for (int i = 0; i < 256; ++i) REQUIRE(plain.phy2log[2][static_cast<std::size_t>(i)] == i);
}
