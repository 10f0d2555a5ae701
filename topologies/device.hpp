#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/input.hpp"

namespace moesim::topologies {

/// An accelerator as its data sheet describes it; the profile holds what was measured of it.
struct Device {
    std::string name;
    std::map<std::string, FlopPerSecond>
        peak;  // dense, by number format: "bf16", "fp8", "fp4", ...
    Bytes memory;
    BytesPerSecond memory_bandwidth;
    int sms = 0;  // streaming multiprocessors (or compute units)
    double power_w = 0;
    double price_per_hour = 0;  // USD; 0 when not stated
    std::string profile;        // default cost profile, "" for none (roofline)
    std::string host;           // topologies/hosts: what launches its kernels
    std::string transfers;      // measured transfers where the profile names none; "" for none
    bool nvls = false;          // its scale-up switch adds and multicasts (NVLink SHARP)
    std::map<std::string, std::string> source;

    /// Peak of a format; falls back to bf16 for a format that the device lacks.
    [[nodiscard]] FlopPerSecond peak_of(const std::string& format) const;
};

/// Reads topologies/devices/NAME.toml (or a path). Throws sim::InputError.
Device load_device(const std::string& name);

}  // namespace moesim::topologies
