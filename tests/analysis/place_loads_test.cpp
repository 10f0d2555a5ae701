#include "analysis/place_loads.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/scenarios/placements.hpp"

using namespace moesim;
using nlohmann::json;

namespace {

std::filesystem::path path() {
    return std::filesystem::temp_directory_path() /
           ("moesim-loads-" + std::to_string(::getpid()) + ".json");
}

scenarios::PlacementInput read(const std::string& text) {
    std::ofstream{path()} << text;
    return analysis::read_loads(path());
}

/// What is said about the file, without its name; "accepted" when nothing is.
std::string complaint(const std::string& text) {
    try {
        read(text);
    } catch (const sim::InputError& e) {
        const std::string what{e.what()};
        return what.substr(path().string().size(), what.find('\n') - path().string().size());
    }
    return "accepted";
}

const json kGood{{"weight", {{1, 2, 3, 4, 5, 6, 7, 8}, {8, 7, 6, 5, 4, 3, 2, 1}}},
                 {"num_replicas", 8},
                 {"num_groups", 2},
                 {"num_nodes", 2},
                 {"num_gpus", 4}};

std::string with(const std::string& key, const json& value) {
    json out = kGood;
    out[key] = value;
    return out.dump();
}
std::string without(const std::string& key) {
    json out = kGood;
    out.erase(key);
    return out.dump();
}

}  // namespace

TEST_CASE("place: loads are read flat or under input") {
    for (const std::string& text : {kGood.dump(), json{{"input", kGood}, {"expected", 1}}.dump()}) {
        const auto in = read(text);
        CHECK(in.weight[1][0] == 8);
        CHECK(std::vector<int>{in.slots, in.groups, in.nodes, in.gpus} ==
              std::vector<int>{8, 2, 2, 4});
    }
}

TEST_CASE("place: wrong loads are refused at their JSON pointer") {
    CHECK(complaint(kGood.dump()) == "accepted");
    CHECK(complaint(with("weight", {{1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 3, -4, 5, 6, 7, 8}})) ==
          ": /weight/1/3: error: expected a number of at least 0, found -4");
    CHECK(complaint(with("weight", {{1, 2, 3, 4, 5, 6, 7, 8}, {1, 2, 3}})) ==
          ": /weight/1: error: 3 numbers, the first row has 8");
    CHECK(complaint(with("weight", {{1, 2, 3, "4", 5, 6, 7, 8}})) ==
          ": /weight/0/3: error: expected a number, found the text \"4\"");
    CHECK(complaint(with("weight", {{1, nullptr}})) ==
          ": /weight/0/1: error: expected a number, found null");
    CHECK(complaint(with("weight", {1, 2})) == ": /weight/0: error: expected an array, found 1");
    CHECK(complaint(with("weight", json::array())) == ": /weight: error: there are no rows");
    CHECK(complaint(json{{"input", json::parse(with("num_replicas", 10))}}.dump()) ==
          ": /input/num_replicas: error: 10 slots are not a multiple of 4 GPUs");
    CHECK(complaint(with("num_replicas", 4)) ==
          ": /num_replicas: error: 4 slots are fewer than the 8 experts of `weight`");
    CHECK(complaint(with("num_replicas", 8.0)) ==
          ": /num_replicas: error: expected a whole number, found 8.0");
    CHECK(complaint(with("num_replicas", 9223372036854775808u)) ==
          ": /num_replicas: error: expected at most 65536, found 9223372036854775808");
    CHECK(complaint(with("num_gpus", 0)) == ": /num_gpus: error: expected at least 1, found 0");
    CHECK(complaint(with("num_nodes", 3)) ==
          ": /num_gpus: error: 4 GPUs are not a multiple of 3 nodes");
    CHECK(complaint(with("num_groups", 3)) ==
          ": /num_groups: error: the 8 experts of `weight` are not a multiple of 3 groups");
    CHECK(complaint(with("gpu_speed", {1, 1, 1})) == ": /gpu_speed: error: 3 speeds for 4 GPUs");
    CHECK(complaint(with("follows", json::array())) == ": /follows: error: 0 layers, expected 1");
    CHECK(complaint(with("together", {{{1}}})) ==
          ": /together/0: error: 1 x 1 numbers, expected 8 x 8");
}

TEST_CASE("place: missing and misspelt keys are named, notes are left alone") {
    CHECK(complaint(without("num_groups")) == ": error: the key \"num_groups\" is missing");
    CHECK(complaint(with("num_replica", 8)) == ": error: the key \"num_replica\" is not known");
    CHECK(complaint(with("description", "a note")) == "accepted");
}

TEST_CASE("place: what is no JSON is refused at line and column") {
    CHECK_THAT(complaint("{\"weight\": [[1, 2,"), Catch::Contains(":1:18: error: not valid JSON"));
    CHECK_THAT(complaint("{\n \"weight\": [[NaN]]}"), Catch::Contains(":2:14: error: not valid"));
    CHECK_THAT(complaint("{\"weight\": [[1e999]]}"), Catch::Contains("number overflow"));
    CHECK(complaint("") == ": error: the file is empty");
    CHECK(complaint(std::string(1000000, '[')) == ":1:33: error: nested more than 32 levels deep");
    CHECK_THAT(complaint("{\"num_gpus\": 1, \"num_gpus\": 2}"),
               Catch::Contains("the key \"num_gpus\" stands twice"));
    // Brackets inside text do not count.
    CHECK(complaint(with("description", "\"" + std::string(1000, '['))) == "accepted");
}

TEST_CASE("place: log2phy is padded to the most replicas of all layers") {
    // Layer 0 gives its two extra slots to expert 0 (9 > 4.5 > 1), layer 1 to 0 and 1.
    const auto in = scenarios::loads({{9, 1}, {5, 5}}, 4, 1, 1, 2);
    const json out = analysis::to_json(scenarios::strategy("eplb")->place(in), in);
    CHECK(out["logcnt"] == json{{3, 1}, {2, 2}});
    for (const auto& layer : out["log2phy"])
        for (const auto& slots : layer) CHECK(slots.size() == 3);
    CHECK(out["log2phy"][0][1][1] == -1);
    CHECK(out["log2phy"][1][0][2] == -1);
    // Layer 0: GPUs 3 + 3 and 3 + 1, so 6 against a mean of 5.
    CHECK(out["max_over_mean_gpu_load"] == json{1.2, 1.0});
}

TEST_CASE("place: a layer without load has no max over mean") {
    const auto in = scenarios::loads({{0, 0}}, 2, 1, 1, 2);
    const json out = analysis::to_json(scenarios::strategy("eplb")->place(in), in);
    CHECK(out["max_over_mean_gpu_load"] == json::array({nullptr}));
    CHECK(out["gpu_load"] == json{{0.0, 0.0}});
}
