#include "topologies/device.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "sim/paths.hpp"

using namespace moesim::topologies;
using Catch::Contains;

namespace {

/// The message with which a device file of this text is refused, "" when it is not.
std::string complaint(const std::string& text) {
    const auto path = std::filesystem::temp_directory_path() / "moesim_device_test.toml";
    std::ofstream{path} << text;
    std::string what;
    try {
        load_device(path.string());
    } catch (const moesim::sim::InputError& e) {
        what = e.what();
    }
    std::filesystem::remove(path);
    return what;
}

const std::string kRest = "memory_bandwidth = \"1 TB/s\"\nsms = 1\n";
const std::string kPeak = "[peak]\nbf16 = \"1 TFLOPS\"\n";

}  // namespace

TEST_CASE("device: h800-sxm is read in SI with the source of every number") {
    const Device device = load_device("h800-sxm");
    CHECK(device.name == "h800-sxm");
    CHECK(device.peak_of("bf16").si() == 989e12);
    CHECK(device.memory.si() == 80.0 * 1024 * 1024 * 1024);
    CHECK(device.memory_bandwidth.si() == 3.35e12);
    CHECK(device.sms == 132);
    CHECK(device.price_per_hour == 2.0);
    for (const char* key : {"memory", "memory_bandwidth", "sms", "power_w", "price_per_hour"})
        CHECK(device.source.count(key) == 1);
    for (const auto& [format, peak] : device.peak) CHECK(device.source.count(format) == 1);
}

TEST_CASE("device: a recipe runs on its number format, an unknown format on bf16") {
    const Device device = load_device("h100-sxm");
    CHECK(device.peak_of("fp8").si() == 1979e12);
    CHECK(device.peak_of("fp8_block") == device.peak_of("fp8"));
    CHECK(device.peak_of("fp4") == device.peak_of("bf16"));
    CHECK(device.peak_of("fp32") < device.peak_of("bf16"));
}

TEST_CASE("device: every file under topologies/devices loads") {
    for (const std::string& name : moesim::sim::list_data("topologies/devices")) {
        CAPTURE(name);
        CHECK(load_device(name).peak_of("bf16").si() > 0);
    }
}

TEST_CASE("device: wrong files are refused where they are wrong") {
    CHECK(complaint("memory = \"1 GiB\"\n" + kRest + kPeak) == "");
    CHECK_THAT(complaint("memory = \"0 GiB\"\n" + kRest + kPeak),
               Contains(":1:10: error: memory: "));
    CHECK_THAT(complaint(kRest + kPeak), Contains("memory"));
    CHECK_THAT(complaint("memory = \"1 GiB\"\n" + kRest), Contains("bf16"));
    CHECK_THAT(complaint("memory = \"1 GiB\"\n" + kRest + kPeak + "fp8 = \"0 TFLOPS\"\n"),
               Contains(":6:7: error: peak.fp8: "));
    CHECK_THAT(complaint("memory = \"1 GiB\"\nsm = 4\n" + kRest + kPeak), Contains("sm"));
}
