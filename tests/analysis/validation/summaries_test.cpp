#include "analysis/validation/summaries.hpp"

#include <catch2/catch.hpp>

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
