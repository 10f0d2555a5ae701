#include "topologies/device.hpp"

#include <limits>

#include "sim/paths.hpp"

namespace moesim::topologies {
namespace {

template <class Quantity>
Quantity above_zero(sim::Table& in, std::string_view key, Quantity value) {
    if (!(value.si() > 0)) in.fail(key, "must be more than zero");
    return value;
}

std::map<std::string, FlopPerSecond> read_peaks(sim::Table in) {
    std::map<std::string, FlopPerSecond> peaks;
    for (const std::string& format : in.keys())
        peaks[format] = above_zero(in, format, in.flops(format));
    if (!peaks.contains("bf16"))
        in.fail("", "no peak for bf16", "other formats fall back to it: bf16 = \"989 TFLOPS\"");
    return peaks;
}

}  // namespace

FlopPerSecond Device::peak_of(const std::string& format) const {
    if (const auto found = peak.find(format); found != peak.end()) return found->second;
    // A scaling recipe runs on the units of its number format: "fp8_block" and "mxfp8" on those of
    // "fp8", "nvfp4" on those of "fp4".
    for (const std::string_view width : {"fp8", "fp4"})
        if (format.find(width) != std::string::npos)
            if (const auto found = peak.find(std::string{width}); found != peak.end())
                return found->second;
    if (const auto found = peak.find(format.substr(0, format.find('_'))); found != peak.end())
        return found->second;
    return peak.at("bf16");
}

Device load_device(const std::string& name) {
    constexpr double kMost = std::numeric_limits<double>::max();
    const auto path = sim::find_data("device", "topologies/devices", name);
    auto in = sim::Table::from_file(path);
    Device device;
    device.name = path.stem().string();
    device.peak = read_peaks(in.table("peak"));
    device.memory = above_zero(in, "memory", in.bytes("memory"));
    device.memory_bandwidth = above_zero(in, "memory_bandwidth", in.rate("memory_bandwidth"));
    const auto sms = in.count("sms", 1);
    if (sms > std::numeric_limits<int>::max()) in.fail("sms", "is out of range");
    device.sms = static_cast<int>(sms);
    device.power_w = in.number("power_w", 0, kMost, 0);
    device.price_per_hour = in.number("price_per_hour", 0, kMost, 0);
    device.profile = in.text("profile", "");
    device.host = in.text("host", "x86");
    device.transfers = in.text("transfers", "");
    device.nvls = in.flag("nvls", false);
    auto source = in.table("source");
    for (const std::string& key : source.keys()) device.source[key] = source.text(key);
    in.finish();
    return device;
}

}  // namespace moesim::topologies
