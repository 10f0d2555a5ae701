#include "analysis/markdown.hpp"

#include <catch2/catch.hpp>
#include <sstream>

#include "analysis/report/html.hpp"
#include "tests/analysis/runs.hpp"

using namespace moesim;

TEST_CASE("markdown: every table row has as many cells as its head") {
    const SmallRun r = small_run("a | b", {"x | y"});
    std::istringstream in{analysis::summary_markdown(r.result)};
    std::size_t expected = 0, rows = 0;
    for (std::string line; std::getline(in, line);) {
        std::size_t bars = 0;
        for (std::size_t i = 0; i < line.size(); ++i)
            bars += line[i] == '|' && (i == 0 || line[i - 1] != '\\') ? 1 : 0;
        if (line.rfind("|", 0) != 0) {
            expected = 0;
            continue;
        }
        if (expected == 0) expected = bars;
        INFO(line);
        CHECK(bars == expected);
        ++rows;
    }
    CHECK(rows > 25);
}

TEST_CASE("markdown: it carries the step time, and what users wrote stays text") {
    const SmallRun r = small_run("<b>*x*</b>");
    const std::string text = analysis::summary_markdown(r.result);
    std::string time = analysis::html::seconds(r.run.line.makespan);
    time.replace(time.find("\u00a0"), 2, " ");
    CHECK(text.find("| step time | " + time) != std::string::npos);
    CHECK(text.rfind("# \\<b\\>\\*x\\*\\</b\\>", 0) == 0);
}
