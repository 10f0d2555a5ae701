#include <catch2/catch.hpp>
#include <sstream>

#include "tests/analysis/runs.hpp"

using namespace moesim;

namespace {

std::size_t longest_line(const std::string& text) {
    std::istringstream in{text};
    std::size_t most = 0;
    for (std::string line; std::getline(in, line);) {
        std::size_t letters = 0;
        for (const char c : line) letters += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
        most = std::max(most, letters);
    }
    return most;
}

}  // namespace

TEST_CASE("summary: no line is longer than 80 columns, whatever things are called") {
    const SmallRun r =
        small_run(std::string(300, 'n'), {std::string(120, 'v'), "ü" + std::string(90, 'w')});
    CHECK(longest_line(analysis::summary(r.result, false)) <= 80);
    CHECK(longest_line(analysis::summary(r.result, false)) > 60);
}

TEST_CASE("summary: escape codes appear only when asked for, and only its own") {
    const SmallRun r = small_run("small", {"fast"});
    CHECK(analysis::summary(r.result, false).find('\x1b') == std::string::npos);
    CHECK(analysis::summary(r.result, true).find("\x1b[1m") != std::string::npos);
    auto hostile = r.result;
    hostile["scenario"]["name"] = "red \x1b[31m name";
    CHECK(analysis::summary(hostile, false).find('\x1b') == std::string::npos);
}

TEST_CASE("summary: a variant shows its change in per cent and its first reason") {
    SmallRun r = small_run("small", {"fast"});
    auto& versus = r.result["variants"][0]["vs_base"];
    versus = {{"step_time_ratio", 0.875},
              {"why", {"exposed_ep -1.0000 s (-12.5 % of the base step)"}}};
    const std::string text = analysis::summary(r.result, false);
    CHECK(text.find("-12.50 %") != std::string::npos);
    CHECK(text.find("exposed ep -1.0000 s") != std::string::npos);
}
