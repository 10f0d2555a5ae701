#include <catch2/catch.hpp>
#include <fstream>

#include "analysis/comparison.hpp"
#include "analysis/sensitivity.hpp"
#include "tests/analysis/json_schema.hpp"
#include "tests/analysis/runs.hpp"

using namespace moesim;
using nlohmann::json;

namespace {

const json& schema() {
    static const json parsed =
        json::parse(std::ifstream{MOESIM_SOURCE_DIR "/analysis/result.schema.json"});
    return parsed;
}

std::string all(const std::vector<std::string>& lines) {
    std::string out;
    for (const std::string& line : lines) out += line + "\n";
    return out;
}

/// With everything in it that a result can have.
json whole_result() {
    SmallRun r = small_run("small", {"fast"});
    r.result["sensitivity"] = analysis::sensitivity_json(r.run, {});
    return r.result;
}

}  // namespace

TEST_CASE("schema: a run's result is as documented, and nothing in it is undocumented") {
    INFO(all(violations(schema(), whole_result())));
    CHECK(violations(schema(), whole_result()).empty());
}

TEST_CASE("schema: the result of a comparison is as documented") {
    const SmallRun r = small_run("small", {"fast"});
    const json result = analysis::compare({scenarios::read_variants(r.table, 0)}, {}, 1);
    INFO(all(violations(schema(), result)));
    CHECK(violations(schema(), result).empty());
}

TEST_CASE("schema: a result with a slip is refused, whatever the slip") {
    const json good = whole_result();
    const auto refused = [&](const char* at, const json& value) {
        json bad = good;
        bad[json::json_pointer(at)] = value;
        return !violations(schema(), bad).empty();
    };
    CHECK(refused("/schema", "moesim.result/2"));
    CHECK(refused("/step/time_s", "1 s"));
    CHECK(refused("/step/time_s", nullptr));
    CHECK(refused("/step/time_ms", 1));
    CHECK(refused("/evidence/measured", 1.5));
    CHECK(refused("/ranks", json::array()));
    CHECK(refused("/ranks/0/members", 0.5));
    CHECK(refused("/communication/by_kind/ep/bytes", -1));
    CHECK(refused("/critical_path/ops/0/kind", "luck"));
    CHECK(refused("/variants/0/vs_base", json::object()));
    json bad = good;
    bad.erase("memory");
    CHECK(violations(schema(), bad) == std::vector<std::string>{" lacks \"memory\""});
}
