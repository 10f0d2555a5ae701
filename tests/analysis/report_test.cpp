#include "analysis/report.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <regex>

#include "analysis/report/chart_library.hpp"
#include "analysis/report/html.hpp"
#include "analysis/report/svg.hpp"
#include "analysis/report/timeline_svg.hpp"
#include "tests/analysis/runs.hpp"

using namespace moesim;

namespace {

std::size_t count_of(const std::string& text, const std::string& what) {
    std::size_t n = 0;
    for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1))
        ++n;
    return n;
}

bool contains(const std::string& text, const std::string& what) {
    return text.find(what) != std::string::npos;
}

/// The page without the chart library at its end, which is others' text.
std::string report(const SmallRun& r) {
    std::string html = analysis::report_html(r.run, r.result, r.input);
    const std::string library{analysis::chart_library()};
    if (const auto at = html.find(library); !library.empty() && at != std::string::npos)
        html.erase(at, library.size());
    return html;
}

const std::string& small() {
    static const std::string html = report(small_run());
    return html;
}

}  // namespace

TEST_CASE("report: it loads nothing from anywhere") {
    // "http-equiv" is the only word with http in it.
    CHECK(count_of(small(), "http") == count_of(small(), "http-equiv"));
    for (const char* loader : {"src=", "@import", "url(", "<link", "<iframe", "<img"})
        CHECK_FALSE(contains(small(), loader));
    CHECK(contains(small(), "content=\"default-src 'none'; style-src 'unsafe-inline'; "));
}

TEST_CASE("report: figures carry their data, and the library is there when it was built in") {
    using nlohmann::json;
    std::map<std::string, int> kinds;
    const std::string open = "<script type=\"application/json\">";
    for (std::size_t at = 0; (at = small().find(open, at)) != std::string::npos;) {
        at += open.size();
        const json data = json::parse(small().substr(at, small().find("</script>", at) - at));
        ++kinds[data["kind"]];
    }
    CHECK(kinds["bars"] >= 5);
    CHECK(kinds["schedule"] == 1);
    CHECK(kinds["streams"] == 1);
    CHECK(kinds["heat"] == 2);
    CHECK(kinds["areas"] == 1);
    const bool library = !analysis::chart_library().empty();
    CHECK(contains(small(), "<script></script>") == library);
    CHECK_FALSE(contains(std::string{analysis::chart_library()}, "</script"));
}

TEST_CASE("report: the streams of a rank add up to the end of the step") {
    using nlohmann::json;
    const SmallRun r = small_run();
    const auto streams =
        analysis::streams_chart(r.run, {0, 1}, 0, 0, 1, {"s", 1, r.run.line.makespan});
    CHECK_FALSE(streams.cut);
    double last = 0;
    for (const json& rank : json(streams.chart["ranks"]))
        for (const json& row : rank["rows"]) {
            const json& tasks = row["tasks"];
            REQUIRE(tasks.size() % 5 == 0);
            long long at = 0;
            for (std::size_t i = 0; i < tasks.size(); i += 5) {
                REQUIRE(tasks[i].get<long long>() >= 0);
                REQUIRE(tasks[i + 1].get<long long>() >= 0);
                REQUIRE(tasks[i + 2] < streams.chart["ops"].size());
                at += tasks[i].get<long long>() + tasks[i + 1].get<long long>();
            }
            last = std::max(last, static_cast<double>(at) * streams.chart["tick"].get<double>());
        }
    CHECK(last == Approx(r.run.line.makespan).margin(2e-8));
}

TEST_CASE("report: the headline carries the step time") {
    const SmallRun r = small_run();
    const std::string time = analysis::html::seconds(r.run.line.makespan);
    CHECK(contains(small().substr(0, small().find("<nav>")), "<strong>" + time + "</strong>"));
}

TEST_CASE("report: every section is there, and its links lead to it") {
    for (const char* id : {"time", "phases", "dominates", "timeline", "communication", "load",
                           "memory", "topology", "kernels", "evidence", "inputs", "provenance"}) {
        INFO(id);
        CHECK(count_of(small(), "<section id=\"" + std::string{id} + "\"") == 1);
        CHECK(count_of(small(), "href=\"#" + std::string{id} + "\"") == 1);
    }
    CHECK_FALSE(contains(small(), "id=\"variants\""));
    CHECK(contains(report(small_run("base", {"fast"})), "id=\"variants\""));
}

TEST_CASE("report: what the user wrote stays text") {
    const std::string evil = "<script>alert(1)</script> & \"x\"";
    const std::string html = report(small_run(evil, {"<b onload=x>"}));
    CHECK_FALSE(contains(html, "<script>alert"));
    CHECK(count_of(html, "<script") == count_of(html, "</script>"));
    CHECK(analysis::html::script_json("</script><!--") == "\"\\u003c/script>\\u003c!--\"");
    CHECK_FALSE(contains(html, "<b onload"));
    CHECK(
        contains(html, "<title>&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot;</title>"));
    CHECK(analysis::html::escape("a<b>\"'&\x01") == "a&lt;b&gt;&quot;&#39;&amp; ");
    analysis::Svg svg{10, 10, "<t>"};
    svg.rect(0, 0, 1, 1, "c", "<tip>");
    svg.text(0, 0, "<x>");
    CHECK(contains(svg.str(), "&lt;t&gt;"));
    CHECK(contains(svg.str(), "&lt;tip&gt;"));
    CHECK(contains(svg.str(), "&lt;x&gt;"));
}

TEST_CASE("report: tags are closed, and no number is infinite or none") {
    for (const char* tag :
         {"svg", "table", "section", "figure", "div", "td", "ul", "text", "title"}) {
        INFO(tag);
        const std::string open = "<" + std::string{tag};
        CHECK(count_of(small(), open + ">") + count_of(small(), open + " ") ==
              count_of(small(), "</" + std::string{tag} + ">"));
    }
    CHECK_FALSE(std::regex_search(small(), std::regex{"[\"> -](nan|inf)[\"<% ]"}));
}

TEST_CASE("report: keys that the file lacks are marked as defaults, those it has are not") {
    const SmallRun r = small_run();
    CHECK(r.input.given.count("batch.sequence") == 1);
    CHECK(r.input.given.count("batch.micro") == 0);
    CHECK(contains(small(), "<tr><td><code>batch.sequence</code></td><td>2048</td><td></td>"));
    CHECK(contains(
        small(),
        "<tr class=\"default\"><td><code>batch.micro</code></td><td>1</td><td>default</td>"));
}

TEST_CASE("report: the same run gives the same bytes") {
    CHECK(small() == report(small_run()));
    CHECK(small().size() < 1'000'000);
}

TEST_CASE("report: figures are written as people read them") {
    using namespace analysis::html;
    CHECK(seconds(17.616) == "17.62\u00a0s");
    CHECK(seconds(0.00237) == "2.37\u00a0ms");
    CHECK(seconds(4.2e-6) == "4.2\u00a0µs");
    CHECK(bytes(82.03e9) == "82.0\u00a0GB");
    CHECK(rate(50e9) == "50.0\u00a0GB/s");
    CHECK(percent(0.0841) == "8.4\u00a0%");
    CHECK(count(62914560) == "62,914,560");
    CHECK(count(-999) == "-999");
    CHECK(count(1000) == "1,000");
}

TEST_CASE("report: ticks are round, start at zero and end inside the axis") {
    CHECK(analysis::ticks(17.6, 9) == std::vector<double>{0, 2, 4, 6, 8, 10, 12, 14, 16});
    CHECK(analysis::ticks(0, 9) == std::vector<double>{0});
    CHECK(analysis::tick_text(0.25, 0.05) == "0.25");
    CHECK(analysis::tick_text(12, 2) == "12");
    CHECK(analysis::fitted("dispatch gradient", 1000, 10) == "dispatch gradient");
    // 8 letters of 5.6 would be 44.8 wide; 40 hold 7, one of them the ellipsis
    CHECK(analysis::fitted("dispatch", 40, 10) == "dispat…");
    CHECK(analysis::fitted("dispatch", 9, 10).empty());
}
