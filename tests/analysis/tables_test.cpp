#include "analysis/tables.hpp"

#include <catch2/catch.hpp>
#include <sstream>

#include "tests/analysis/runs.hpp"

using namespace moesim;

namespace {

std::vector<std::vector<double>> numbers(const std::string& csv, std::size_t skip) {
    std::istringstream in{csv};
    std::string line;
    std::getline(in, line);
    std::vector<std::vector<double>> out;
    while (std::getline(in, line)) {
        std::istringstream fields{line};
        out.emplace_back();
        std::size_t at = 0;
        for (std::string field; std::getline(fields, field, ',');)
            if (at++ >= skip) out.back().push_back(std::stod(field));
    }
    return out;
}

double sum(const std::vector<double>& v, std::size_t from = 0) {
    double out = 0;
    for (std::size_t i = from; i < v.size(); ++i) out += v[i];
    return out;
}

}  // namespace

TEST_CASE("tables: breakdown and phases have a row per rank class that sums to the step time") {
    const SmallRun r = small_run();
    const auto tables = analysis::csv_tables(r.result);
    for (const char* name : {"breakdown.csv", "phases.csv"}) {
        const auto rows =
            numbers(tables.at(name), 4);  // behind rank, pipeline rank, members, stands for
        REQUIRE(rows.size() == 2);
        for (const auto& row : rows) CHECK(sum(row) == Approx(r.run.line.makespan).epsilon(1e-9));
    }
}

TEST_CASE("tables: shares of kernels sum to one, and evidence of every op does too") {
    const auto tables = analysis::csv_tables(small_run().result);
    double shares = 0;
    for (const auto& row : numbers(tables.at("kernels.csv"), 1)) shares += row[1];
    CHECK(shares == Approx(1).epsilon(1e-9));
    for (const auto& row : numbers(tables.at("ops.csv"), 1))
        CHECK(sum(row, 2) == Approx(1).epsilon(1e-9));
}

TEST_CASE("tables: a field with a comma, a quote or a line end is quoted, others are not") {
    CHECK(analysis::csv_field("plain text") == "plain text");
    CHECK(analysis::csv_field("a,b") == "\"a,b\"");
    CHECK(analysis::csv_field("say \"x\"") == "\"say \"\"x\"\"\"");
    CHECK(analysis::csv_field("two\nlines") == "\"two\nlines\"");
}

TEST_CASE("tables: variants stand below the base with their ratio") {
    CHECK(analysis::csv_tables(small_run().result).count("variants.csv") == 0);
    const SmallRun r = small_run("base", {"fast, twice"});
    const std::string csv = analysis::csv_tables(r.result).at("variants.csv");
    CHECK(csv.find("\nbase,") != std::string::npos);
    CHECK(csv.find("\n\"fast, twice\",") != std::string::npos);
}
