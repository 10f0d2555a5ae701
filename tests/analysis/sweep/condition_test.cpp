#include "analysis/sweep/condition.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using namespace moesim;
using namespace moesim::analysis;

namespace {

/// a.b = 4, x = 10, s = "gpipe".
Term value(const std::string& name) {
    if (name == "a.b") return 4.0;
    if (name == "x") return 10.0;
    return std::string{"gpipe"};
}

double number(const std::string& text) { return Condition::parse({"--where", text}).number(value); }

std::string complaint(const std::string& text) {
    try {
        number(text);
    } catch (const sim::InputError& e) {
        return e.what();
    }
    return "";
}

}  // namespace

TEST_CASE("condition: operators bind as in arithmetic") {
    CHECK(number("1 + 2 * 3 - 4 / 8") == 6.5);
    CHECK(number("(1 + 2) * 3") == 9);
    CHECK(number("10 - 3 - 2") == 5);
    CHECK(number("-x + 17 % 5") == -8);
    CHECK(number("a.b * x <= 40") == 1);
    CHECK(number("a.b * x < 40 or not (x == 9)") == 1);
    CHECK(number("1 == 1 and 2 == 3 || 0") == 0);
    CHECK(number("1 == 1 && !0") == 1);
    CHECK(number("min(a.b, x) + max(a.b, x) * ceil(0.1) - sqrt(16)") == 10);
    CHECK(number("log(x)") == Approx(std::log(10.0)));
    CHECK(number("1e3 == 1000") == 1);
}

TEST_CASE("condition: words are equal or not, and nothing else") {
    CHECK(number("s == \"gpipe\"") == 1);
    CHECK(number("s != 'gpipe'") == 0);
    CHECK(complaint("s + 1").find("'gpipe' is a word, not a number") != std::string::npos);
    CHECK(complaint("s").find("a word where a number is wanted") != std::string::npos);
}

TEST_CASE("condition: complaints point at the place") {
    CHECK(complaint("x <= ").starts_with("--where:1:6: error: ends where"));
    CHECK(complaint("x <= 3 4").starts_with("--where:1:8: error: an operator belongs here"));
    CHECK(complaint("(x").starts_with("--where:1:3: error: a ')' belongs here"));
    CHECK(complaint("x < 3 < 4").starts_with("--where:1:7: error: an operator"));
    CHECK(complaint("min(x)").starts_with("--where:1:1: error: min takes 2 values"));
    CHECK_FALSE(complaint("'x").empty());
    CHECK_FALSE(complaint("").empty());
    CHECK_FALSE(complaint("nan").empty());
    CHECK_FALSE(complaint("1e999").empty());
    CHECK_FALSE(complaint(std::string(100000, '(')).empty());
    std::string sum = "1";
    for (int i = 0; i < 100000; ++i) sum += "+1";
    CHECK_FALSE(complaint(sum).empty());
}

TEST_CASE("condition: names with their places") {
    const Condition c = Condition::parse({"--where", "a.b*x"});
    REQUIRE(c.names().size() == 2);
    CHECK(c.names()[1].name == "x");
    CHECK(c.names()[1].from == 4);
}
