#include <catch2/catch.hpp>
#include <cmath>

#include "sim/quantity_text.hpp"
#include "sim/units.hpp"

using namespace moesim;
using sim::Dimension;
using sim::parse_quantity;

namespace {

double si(const char* text, Dimension dimension) {
    const auto parsed = parse_quantity(text, dimension);
    INFO(text << ": " << parsed.what);
    REQUIRE(parsed.si);
    return *parsed.si;
}

std::string what(const char* text, Dimension dimension) {
    const auto parsed = parse_quantity(text, dimension);
    INFO(text);
    REQUIRE_FALSE(parsed.si);
    return parsed.what;
}

std::string hint(const char* text, Dimension dimension) {
    return parse_quantity(text, dimension).hint;
}

}  // namespace

TEST_CASE("units: bytes over a rate are seconds") {
    // 450 MB / 450 GB/s = 450e6 / 450e9 s = 1 ms
    const Seconds time = Bytes{450e6} / BytesPerSecond{450e9};
    CHECK(time.si() == 1e-3);
    CHECK((BytesPerSecond{450e9} * Seconds{2}).si() == 900e9);
    CHECK(Seconds{3} / Seconds{2} == 1.5);
}

TEST_CASE("units: decimal prefixes are powers of 1000, binary ones of 1024, a byte has 8 bits") {
    CHECK(si("80 GiB", Dimension::bytes) == 80.0 * 1024 * 1024 * 1024);
    CHECK(si("80 GB", Dimension::bytes) == 80e9);
    CHECK(si("1 kB", Dimension::bytes) == 1000);
    CHECK(si("1 KB", Dimension::bytes) == 1000);
    CHECK(si("1 KiB", Dimension::bytes) == 1024);
    CHECK(si("2 PB", Dimension::bytes) == 2e15);
    CHECK(si("8 bit", Dimension::bytes) == 1);
    // 3600 Gbit/s = 3600e9 / 8 = 450e9 B/s
    CHECK(si("3600 Gbit/s", Dimension::rate) == 450e9);
    CHECK(si("3.2 Tbit/s", Dimension::rate) == 400e9);
    CHECK(si("450 GB/s", Dimension::rate) == si("450000 MB/s", Dimension::rate));
}

TEST_CASE("units: decimal texts give the nearest double, as a literal would") {
    CHECK(si("500 ns", Dimension::time) == 500e-9);
    CHECK(si("0.3 us", Dimension::time) == 0.3e-6);  // 0.3 * 1e-6 is one bit off
    CHECK(si("15.36 k", Dimension::count) ==
          15360);  // 15.36 * 1e3 as doubles is 15360 only by luck
    CHECK(si("14.8 T", Dimension::count) == 14800000000000.0);
    CHECK(si("1.5e3 GB", Dimension::bytes) == 1.5e12);
    CHECK(si("+2 s", Dimension::time) == 2);
    CHECK(si(".5 s", Dimension::time) == 0.5);
}

TEST_CASE("units: micro is written u or either of the two Greek letters") {
    CHECK(si("7 us", Dimension::time) == 7e-6);
    CHECK(si("7 \u00b5s", Dimension::time) == 7e-6);
    CHECK(si("7 \u03bcs", Dimension::time) == 7e-6);
}

TEST_CASE("units: long times") {
    CHECK(si("30 min", Dimension::time) == 1800);
    CHECK(si("50000 h", Dimension::time) == 50000.0 * 3600);
    CHECK(si("1.5 d", Dimension::time) == 1.5 * 86400);
    CHECK(si("2 days", Dimension::time) == 2.0 * 86400);
}

TEST_CASE("units: FLOP rates") {
    CHECK(si("989 TFLOPS", Dimension::flops) == 989e12);
    CHECK(si("1.979 PFLOPS", Dimension::flops) == 1979e12);
    CHECK(si("5FLOPS", Dimension::flops) == 5);
}

TEST_CASE("units: the space between number and unit may be missing, other things may not") {
    CHECK(si("450GB/s", Dimension::rate) == 450e9);
    CHECK(si("  450  GB/s ", Dimension::rate) == 450e9);
    CHECK(what("450 GB /s", Dimension::rate) == "'450 GB /s' is not a rate");
    CHECK(what("1,979 TFLOPS", Dimension::flops) == "'1,979 TFLOPS' is not a FLOP rate");
    CHECK(what("1.2.3 s", Dimension::time) == "'1.2.3 s' is not a time");
    CHECK(what("--1 s", Dimension::time) == "'--1 s' is not a time");
    CHECK(what("", Dimension::time) == "'' is not a time");
    CHECK(what("s", Dimension::time) == "'s' is not a time");
    CHECK(what("0x10 s", Dimension::time) == "'0x10 s' is not a time");
}

TEST_CASE("units: a size where a rate is wanted is offered as one") {
    CHECK(what("450 GB", Dimension::rate) == "'450 GB' is not a rate");
    // 450 * 8 = 3600
    CHECK(hint("450 GB", Dimension::rate) ==
          "write \"450 GB/s\" (bytes) or \"3600 Gbit/s\" (bits)");
    CHECK(hint("400 Gbps", Dimension::rate) ==
          "write \"400 Gbit/s\" (bits) or \"400 GB/s\" (bytes)");
    CHECK(hint("400 Gb/s", Dimension::rate) ==
          "write \"400 Gbit/s\" (bits) or \"400 GB/s\" (bytes)");
    CHECK(hint("80 GiB", Dimension::rate) == "write \"80 GiB/s\"");
    CHECK(hint("80 GB/s", Dimension::bytes) == "write \"80 GB\"");
}

TEST_CASE("units: a count in B is refused, since B may be bytes or billions") {
    CHECK(si("671 G", Dimension::count) == 671e9);
    CHECK(what("671 B", Dimension::count) == "'671 B' is not a whole number");
    CHECK(hint("671 B", Dimension::count) ==
          "'B' may be bytes or billions; write \"671 G\" for billions");
    CHECK(hint("15360", Dimension::count) == "write 15360 without quotes");
}

TEST_CASE("units: a missing or unknown unit names the known ones or the nearest") {
    CHECK(hint("450", Dimension::rate) == "add a unit, such as \"450 GB/s\"");
    CHECK(hint("5 sec", Dimension::time) == "known units: ns us ms s min h d");
    CHECK(hint("5 mins", Dimension::time) == "did you mean \"min\"?");
    CHECK(hint("5 TFLOP", Dimension::flops) == "did you mean \"TFLOPS\"?");
}

TEST_CASE("units: rates and FLOPS are above zero, sizes and times at least zero") {
    CHECK(si("0 s", Dimension::time) == 0);
    CHECK(si("0 B", Dimension::bytes) == 0);
    CHECK(what("0 GB/s", Dimension::rate) == "'0 GB/s' is zero; it must be above zero");
    CHECK(what("0 TFLOPS", Dimension::flops) == "'0 TFLOPS' is zero; it must be above zero");
    CHECK(what("-1 s", Dimension::time) == "'-1 s' is negative");
    CHECK(what("-1 GB", Dimension::bytes) == "'-1 GB' is negative");
    CHECK(what("-0.0 s", Dimension::time) == "'-0.0 s' is negative");
}

TEST_CASE("units: what is not finite is refused") {
    CHECK(si("1e300 B", Dimension::bytes) == 1e300);
    CHECK(what("1e308 GB", Dimension::bytes) == "'1e308 GB' is out of range");
    CHECK(what("1e99999999999 B", Dimension::bytes) == "'1e99999999999 B' is not a size");
    CHECK(what("1e2147483647 GB", Dimension::bytes) == "'1e2147483647 GB' is out of range");
    CHECK(what("nan GB", Dimension::bytes) == "'nan GB' is not a size");
    CHECK(what("inf s", Dimension::time) == "'inf s' is not a time");
}
