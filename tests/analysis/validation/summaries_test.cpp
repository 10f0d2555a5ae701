#include "analysis/validation/summaries.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using moesim::analysis::summarise_rows;
using nlohmann::ordered_json;

namespace {

/// 1e15 model FLOPs on one GPU: `seconds` 1 is 1,000 TFLOPS.
ordered_json row(const std::string& id, const std::string& source, double published,
                 double predicted, const std::string& layout = "a") {
    return {{"config_id", id},
            {"source", source},
            {"gpu_type", "H100"},
            {"gpus", "1"},
            {"precision_class", "bf16"},
            {"metric", "step_time"},
            {"published", published},
            {"predicted", predicted},
            {"rel_error", 0},
            {"status", "ok"},
            {"group", source},
            {"layout", layout},
            {"tokens", 1.0},
            {"model_flops", 1e15}};
}

}  // namespace

TEST_CASE("summaries: the null takes the median rate of other source families") {
    // A: 1 s and 2 s; B (two containers of one family): 4 s. For A the others' rate is B's, so the
    // null says 4 s; for B the median of A's rates 1 and 1/2 is 3/4, so it says 4/3 s.
    const auto s = summarise_rows(
        {row("1", "A", 1, 1), row("2", "A", 2, 2), row("3", "B, NeMo container 25.09", 4, 4),
         row("4", "B, NeMo container 26.02", 4, 4)},
        5);
    CHECK(s["configs"] == 5);
    CHECK(s["covered"] == 4);
    CHECK(s["mape"].get<double>() == Approx(0));
    CHECK(s["null"]["rows"] == 4);
    CHECK(s["null"]["mape"].get<double>() == Approx((3.0 + 1.0 + 2 * (2.0 / 3)) / 4));
}

TEST_CASE("summaries: ranking counts groups of at least three layouts") {
    const auto s = summarise_rows(
        {row("1", "A", 1, 1, "x"), row("2", "A", 2, 3, "y"), row("3", "A", 3, 2, "z"),
         row("4", "B", 1, 2, "x"), row("5", "B", 2, 1, "y")},
        5);
    // A: three pairs, two right, one wrong.
    CHECK(s["kendall_tau"].get<double>() == Approx(1.0 / 3));
    CHECK(s["tau_groups"] == ordered_json::array({3}));
}

TEST_CASE("summaries: memory counts apart, rows that were not modelled count as not covered") {
    ordered_json memory = row("1", "A", 10, 9);
    memory["metric"] = "peak_memory";
    ordered_json refused = row("2", "A", 1, 1);
    refused["status"] = "refused";
    const auto s = summarise_rows({memory, refused}, 2);
    CHECK(s["covered"] == 1);
    CHECK(s["rows"] == 0);
    CHECK(s["mape"].is_null());
    CHECK(s["memory"]["mape"].get<double>() == Approx(0.1));
}

// Ten runs of A are 1.645 x 0.3 off in ln(step), ten of B 1.645 x 0.1; costs explain nothing. For
// nine tenths of all 0.3 is needed; A needs more than B tells (0.1), B less than A tells.
TEST_CASE("summaries: what costs leave unexplained is taken from other sources") {
    ordered_json rows = ordered_json::array();
    for (int i = 0; i < 20; ++i) {
        const bool first = i < 10;
        ordered_json r = row(std::to_string(i), first ? "A" : "B, NeMo container 26.02", 1,
                             std::exp(1.645 * (first ? 0.3 : -0.1)));
        r["inside"] = false;
        r["of_costs"] = 0.0;
        rows.push_back(r);
    }
    const auto s = summarise_rows(rows, 20)["unexplained"];
    CHECK(s["families"] == 2);
    CHECK(s["deviation"].get<double>() == Approx(0.3));
    CHECK(s["inside_left_out"].get<double>() == Approx(0.5));
    // Where costs explain it, nothing is left.
    for (ordered_json& r : rows) r["of_costs"] = 0.31;
    CHECK(summarise_rows(rows, 20)["unexplained"]["deviation"].get<double>() == Approx(0));
}
