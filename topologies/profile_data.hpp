#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "topologies/kernel.hpp"

namespace moesim::topologies {

/// The figures of a device that the physical forms need.
struct Hardware {
    double sms = 1;
    double bandwidth = 1;                // bytes/s
    std::map<std::string, double> peak;  // FLOP/s by number format

    /// Peak of a GEMM format: "fp8_block" and "mxfp8" run on the fp8 units, "nvfp4" on the fp4
    /// ones; bf16 where the device lacks them.
    [[nodiscard]] double peak_of(const std::string& format) const;
};
Hardware hardware_of(const Device& device);

/// Parameters of the GEMM form (see gemm_seconds).
struct GemmForm {
    double share = 0;        // of peak, long inner dimension
    double extra_depth = 0;  // inner-dimension steps that a tile costs besides its own
    double floor_s = 0;
    double error = 0.3;               // of the form at its own points, one standard deviation
    double weight_gradient_rate = 1;  // of the forward rate
    double weight_gradient_error = 0.1;
};

/// Parameters of the attention form (see attention_seconds).
struct AttentionForm {
    double share = 0;
    double extra_sequence = 0;  // positions that a row costs besides its own
    double floor_s = 0;
    double error = 0.3;
    double backward_rate = 1;  // of the forward rate
    double backward_error = 0.15;
};

struct MemoryForm {
    double share = 0;  // of the memory bandwidth
    double floor_s = 0;
    double error = 0.3;
};

/// Seconds under contention over seconds alone, and how well that is known.
struct Contention {
    double factor = 1;
    double error = 0;
};

/// A measured call: what was asked, how long it took, beside other streams or alone.
template <class Query>
struct Point {
    Query query;
    double seconds = 0;
    bool contended = false;
    double error = 0.04;
};

/// Shares of nominal link rates by bytes, and what comes on top.
struct TransferForm {
    std::vector<double> bytes, nic_share, nvlink_share;  // equally long; bytes ascending
    TransferCost cost;                                   // everything but the two shares
};

/// What Profile holds; read by profile_file.cpp, answered by profile.cpp.
struct Profile::Impl {
    std::string name;      // "" for the roofline
    std::string measured;  // device that the points come from
    Hardware asked, taken;
    double launch_gap_s = 2e-6, host_issue_s = 5e-6;
    std::map<std::string, GemmForm> gemm;
    AttentionForm attention;
    MemoryForm memory;
    Contention gemm_contention, attention_contention, memory_contention;
    std::vector<Point<Gemm>> gemm_points;
    std::vector<Point<AttentionCore>> attention_points;
    std::map<std::string, std::vector<Point<Memory>>> memory_points;
    std::map<std::string, std::string>
        memory_like;  // name -> name whose rate it is assumed to reach
    std::map<std::string, TransferForm> transfers;
    nlohmann::ordered_json source;

    /// Whether the asked device is, by its figures, the one that was measured.
    [[nodiscard]] bool same_device() const;
};

/// Reads a profile; `asked` and `name` are left to the caller. Throws sim::InputError.
Profile::Impl read_profile(const std::string& name);
/// The profile without any measurement: typical achieved shares, each assumed.
Profile::Impl roofline_profile();

}  // namespace moesim::topologies
