#include "analysis/validation/csv_table.hpp"

#include <catch2/catch.hpp>

#include "sim/input.hpp"

using Catch::Matchers::Contains;
using moesim::analysis::CsvTable;
using moesim::sim::InputError;

TEST_CASE("csv_table: quoted fields hold commas, quotes and newlines") {
    const auto t =
        CsvTable::parse("t.csv", "a,b\r\n\"x, y\",\"he said \"\"no\"\"\"\n\n\"1\n2\",z\n");
    REQUIRE(t.rows().size() == 2);
    CHECK(t.text(t.rows()[0], "a") == "x, y");
    CHECK(t.text(t.rows()[0], "b") == "he said \"no\"");
    CHECK(t.text(t.rows()[1], "a") == "1\n2");
    CHECK(t.rows()[1].line == 4);  // header 1, first row 2, blank 3
    CHECK(t.text(t.rows()[1], "absent").empty());
}

TEST_CASE("csv_table: complaints name file, line and column") {
    const auto complaint = [](const char* text) { CsvTable::parse("t.csv", text); };
    CHECK_THROWS_WITH(complaint(""), Contains("t.csv: error: the file is empty"));
    CHECK_THROWS_WITH(complaint("a,b\n1\n"),
                      Contains("t.csv:2: error: 1 fields, but the header has 2"));
    CHECK_THROWS_WITH(complaint("a,b\n1,\"2\n"),
                      Contains("t.csv:2: error: a quote that is never closed"));
    CHECK_THROWS_WITH(complaint("a,a\n"), Contains("column 'a' stands there twice"));
    CHECK_THROWS_WITH(complaint("a,b\n\"1\"x,2\n"), Contains("text after a closing quote"));
    const auto t = CsvTable::parse("t.csv", "gpus,b\nmany,1e999\n8,nan\n");
    const auto& row = t.rows()[0];
    CHECK_THROWS_WITH(t.number(row, "gpus", 0, 10),
                      Contains("t.csv:2: error: column 'gpus': expected a number, found 'many'"));
    CHECK_THROWS_AS(t.number(row, "b", 0, 10), InputError);
    CHECK_THROWS_AS(t.number(t.rows()[1], "b", 0, 10), InputError);
    CHECK_THROWS_WITH(t.number(t.rows()[1], "gpus", 0, 4), Contains("8 is not within [0, 4]"));
    CHECK(t.number(t.rows()[1], "gpus", 0, 10) == 8);
    CHECK_THROWS_WITH(t.require({"gpu"}), Contains("'gpu' is missing") && Contains("'gpus'"));
}
