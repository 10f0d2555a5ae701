#pragma once

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "topologies/kernel.hpp"
#include "topologies/residual_grid.hpp"
#include "topologies/transfer_table.hpp"

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
    bool weight_gradient_measured = false;  // else the rate is assumed
    bool any_tile = false;                  // tiles of several sizes, split depth (else 128 x 128)
    double tile_cost = 0;                   // rows or columns that a tile costs besides its own
    double quantisation = 0;                // 0: waves above one are fractional, 1: whole
    double stream_share = 0.85;             // of the memory bandwidth that loads and stores reach
    ResidualGrid residual{};  // by rows, columns, depth; grouped: by rows and number of groups, and
                              // elements of one group's weight
};

/// Sizes by which the residuals of a product are kept; dense and grouped ones.
ResidualGrid::Sizes dense_sizes(const Gemm& q);
ResidualGrid::Sizes grouped_sizes(const Gemm& q);
/// Sizes by which those of attention are kept: sequence, batch times heads, both head sizes added.
ResidualGrid::Sizes attention_sizes(const AttentionCore& q);

/// Parameters of the attention form (see attention_seconds).
struct AttentionForm {
    double share = 0;
    double extra_sequence = 0;  // positions that a row costs besides its own
    double floor_s = 0;
    double error = 0.3;
    double backward_rate = 1;  // of the forward rate
    double backward_error = 0.15;
    bool backward_measured = false;  // else the rate is assumed
    ResidualGrid residual{};         // of the forward pass
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
    std::optional<Hardware> on;        // what it was measured on, where that is not the profile's
    double log_ratio = 0;              // ln(measured / predicted without points)
    std::array<double, 5> log_size{};  // what distances are taken of
};

/// Held-out measurements of one op, as the calibrator found them.
struct Validation {
    double shapes = 0, median = 0, p90 = 0;  // relative errors
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
    bool memory_scaled = false;  // memory-bound kernels were measured on yet another device
    double launch_gap_s = 2e-6, host_issue_s = 5e-6;
    double scaling_error = 0.15;  // what scaling by peaks and bandwidth to another device may miss
    std::string base;             // profile whose measurements it starts from, "" for none
    std::map<std::string, GemmForm> gemm, grouped;  // by format
    std::map<std::string, std::string> gemm_like;   // format -> format whose form it takes
    AttentionForm attention;
    MemoryForm memory;
    Contention gemm_contention, attention_contention, memory_contention;
    std::vector<Point<Gemm>> gemm_points;
    std::set<std::string> weight_points;  // formats with a measured weight gradient
    bool backward_points = false;         // of attention
    std::vector<Point<AttentionCore>> attention_points;
    std::map<std::string, std::vector<Point<Memory>>> memory_points;
    std::map<std::string, std::string>
        memory_like;  // name -> name whose rate it is assumed to reach
    std::map<std::string, TransferForm> transfers;  // these before the table's
    TransferTable table;
    std::map<std::string, Validation> validation;  // by op, "gemm.bf16"
    nlohmann::ordered_json source;

    /// Whether the asked device is, by its figures, the one that was measured.
    [[nodiscard]] bool same_device() const;
};

/// Reads a profile; `asked` and `name` are left to the caller. Throws sim::InputError.
Profile::Impl read_profile(const std::string& name);
/// The profile without any measurement: typical achieved shares, each assumed.
Profile::Impl roofline_profile();

}  // namespace moesim::topologies
