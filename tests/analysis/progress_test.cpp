#include "analysis/progress.hpp"

#include <catch2/catch.hpp>

using moesim::analysis::Progress;

TEST_CASE("progress: the bar is as full as work is done, and the line fits") {
    CHECK(Progress::line("comparing", 6, 12, "EPLB", 80) ==
          "comparing  [############------------]  6 of 12  EPLB");
    CHECK(Progress::line("x", 0, 3, "", 80) == "x  [------------------------]  0 of 3");
    CHECK(Progress::line("x", 9, 3, "", 80) == "x  [########################]  9 of 3");
    for (const std::size_t columns : {1, 20, 40, 60, 80})
        CHECK(Progress::line("comparing", 1, 2, std::string(300, 'n'), columns).size() <= columns);
    CHECK(Progress::line("x", 0, 1, "red \x1b[31m", 80).find('\x1b') == std::string::npos);
}
