#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/scenarios/placements.hpp"

using namespace moesim;
using namespace moesim::scenarios;

namespace {

class File {
public:
    explicit File(const std::string& text)
        : path_{std::filesystem::temp_directory_path() /
                ("moesim-given-" + std::to_string(::getpid()) + ".json")} {
        std::ofstream{path_} << text;
    }
    ~File() { std::filesystem::remove(path_); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    [[nodiscard]] std::string toml() const { return "file = \"" + path_.string() + "\""; }
    [[nodiscard]] std::string name() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

const PlacementInput kTwoLayers = loads({{1, 2, 3}, {3, 2, 1}}, 4, 1, 1, 2);
const std::vector<std::vector<int>> kRows{{0, 1, 2, 1}, {2, 0, 0, 1}};

}  // namespace

TEST_CASE("given: reads the forms of SGLang, vLLM, TensorRT-LLM and its own") {
    const std::string rows = "[[0,1,2,1],[2,0,0,1]]";
    for (const std::string& text : std::vector<std::string>{
             "{\"physical_to_logical_map\": " + rows + "}", "{\"phy2log\": " + rows + "}", rows,
             // Layers are numbers, not text: 3 comes before 10.
             "{\"num_slots\": 4, \"layer_updates_per_iter\": 0, \"initial_global_assignments\": "
             "{\"10\": [2,0,0,1], \"3\": [0,1,2,1]}}"}) {
        INFO(text);
        const File file{text};
        const auto s = strategy("given", file.toml());
        REQUIRE(s->refuse(kTwoLayers) == "");
        CHECK(s->place(kTwoLayers).phy2log == kRows);
        CHECK_NOTHROW(check(s->place(kTwoLayers), kTwoLayers));
    }
}

TEST_CASE("given: a file that is no placement is refused at its place") {
    const auto complaint = [](const std::string& text) -> std::string {
        const File file{text};
        try {
            strategy("given", file.toml());
        } catch (const sim::InputError& e) {
            return std::string{e.what()}.substr(file.name().size());
        }
        return "accepted";
    };
    CHECK(complaint("[[0,1]]") == "accepted");
    CHECK(complaint("[[0,-1]]") == ": /0/1: error: expected at least 0, found -1");
    CHECK(complaint("[[0,1.5]]") == ": /0/1: error: expected a whole number, found 1.5");
    CHECK(complaint("[]") == ": error: there are no layers");
    CHECK(complaint("[[]]") == ": /0: error: the row is empty");
    CHECK(complaint("{\"phy2log\": 3}") == ": /phy2log: error: expected an array, found 3");
    CHECK(complaint("{\"num_slots\": 3, \"initial_global_assignments\": {\"0\": [0,1]}}") ==
          ": /num_slots: error: 3 slots, a layer has 2");
    CHECK(complaint("{\"initial_global_assignments\": {\"x\": [0,1]}}") ==
          ": /initial_global_assignments/x: error: expected the number of a layer as key");
    CHECK_THAT(complaint("{\"logical_count\": [[1]]}"),
               Catch::Contains("place them with \"eplb\""));
    CHECK_THAT(complaint("[[0,1"), Catch::Contains(":1:5: error: not valid JSON"));
}

TEST_CASE("given: a placement of another shape is refused") {
    const auto refusal = [](const std::string& text) {
        const File file{text};
        const std::string why = strategy("given", file.toml())->refuse(kTwoLayers);
        const std::size_t cut = why.find(file.name());
        return cut == why.npos ? why
                               : why.substr(0, cut) + "F" + why.substr(cut + file.name().size());
    };
    CHECK(refusal("[[0,1,2,1],[2,0,0,1]]") == "");
    CHECK(refusal("[[0,1,2,1]]") == "F has 1 layers, the loads have 2");
    CHECK(refusal("[[0,1,2,1],[2,0,1]]") == "row 1 of F has 3 slots, expected 4");
    CHECK(refusal("[[0,1,2,3],[2,0,0,1]]") == "row 0 of F holds expert 3 of 3");
    CHECK(refusal("[[0,1,0,1],[2,0,0,1]]") == "row 0 of F leaves expert 2 without a slot");
}

TEST_CASE("given: a file that is missing is refused at the key") {
    CHECK_THROWS_WITH(strategy("given", "file = \"no-such.json\""),
                      Catch::Contains("test.toml:1:8: error: file: there is no file"));
    CHECK_THROWS_WITH(strategy("given"), Catch::Contains("file: missing"));
}
