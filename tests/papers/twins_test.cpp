#include <catch2/catch.hpp>

#include "analysis/result.hpp"
#include "sim/paths.hpp"

using namespace moesim;

// DeepSeek, arXiv:2505.09343, table 4: 19.926 s on eight planes, 19.946 s on one network of rails.
TEST_CASE("papers: multi-plane and multi-rail networks train DeepSeek-V3 equally fast") {
    const auto step = [](const std::string& cluster) {
        sim::Table table =
            sim::Table::from_file(sim::find_data("scenario", "scenarios", "deepseek-v3-h800-2048"));
        table.set("cluster=" + cluster);
        table.set("batch.global=4096");  // 32 micro-batches, as few as DualPipe takes on 16 ranks
        const auto run = analysis::simulate(scenarios::read_scenario(table, 0), {});
        return analysis::result_json(run, {})["step"]["time_s"].get<double>();
    };
    const double planes = step("deepseek-h800-2048"), rails = step("deepseek-h800-2048-mrft");
    CHECK(rails / planes == Approx(19.946 / 19.926).epsilon(0.01));
}
