#include "analysis/sweep/axis.hpp"

#include <catch2/catch.hpp>

using namespace moesim;
using namespace moesim::analysis;
using Values = std::vector<std::string>;

namespace {

Values values(const std::string& text) { return read_axis({"--vary", text}).values; }

}  // namespace

TEST_CASE("axis: lists and ranges give their values in the order written") {
    CHECK(values("a.b=1,2,4") == Values{"1", "2", "4"});
    CHECK(values("a.b=1..4") == Values{"1", "2", "3", "4"});
    CHECK(values("a.b=1..64*4") == Values{"1", "4", "16", "64"});
    CHECK(values("a.b=3..50*4") == Values{"3", "12", "48"});
    CHECK(values("a.b=2..11+4") == Values{"2", "6", "10"});
    CHECK(values("a.b=5..5") == Values{"5"});
    CHECK(values("a.b=1,8..10,zb-h1") == Values{"1", "8", "9", "10", "zb-h1"});
    CHECK(values(R"(a=["x","y"],[],"p,q")") == Values{R"(["x","y"])", "[]", R"("p,q")"});
    CHECK(values("file=../x.toml") == Values{"../x.toml"});
    CHECK(read_axis({"--vary", "a.b=1"}).key == "a.b");
}

TEST_CASE("axis: what is no axis is refused") {
    for (const char* text :
         {"", "a", "=1", "a=", "a=1,,2", "a=1,", "a=4..1", "a=1..8*1", "a=0..8*2", "a=1..8+0",
          "a=1..x", "a=1..9999999", "a=1..", "a=1..2*3*4"}) {
        INFO(text);
        CHECK_THROWS_AS(values(text), sim::InputError);
    }
    try {
        values("a.b=1,4..1");
    } catch (const sim::InputError& e) {
        CHECK(std::string{e.what()}.starts_with("--vary:1:7: error: 1 comes before 4"));
    }
}

TEST_CASE("axis: values as JSON") {
    CHECK(json_of("8") == 8);
    CHECK(json_of("1f1b") == "1f1b");
    CHECK(json_of("'x y'") == "x y");
    CHECK(json_of("true") == true);
    CHECK(json_of(R"(["mlp"])")[0] == "mlp");
}
