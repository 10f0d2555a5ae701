#pragma once

#include <map>
#include <string>
#include <vector>

#include "analysis/calibration/fit.hpp"
#include "analysis/importers/importer.hpp"
#include "topologies/kernel_forms.hpp"
#include "topologies/profile_data.hpp"

namespace moesim::analysis {

/// What measurements say of a device: fitted forms with their residuals, and how well they predict
/// shapes that were held out, by op ("gemm.bf16").
struct Calibration {
    topologies::Hardware on;
    std::map<std::string, topologies::GemmForm> gemm, grouped;
    topologies::AttentionForm attention;
    topologies::MemoryForm memory;
    std::vector<topologies::Point<topologies::Memory>> memory_points;
    std::map<std::string, Quality> quality;
    std::map<std::string, double> launch_s;  // "launch_gap", "host_issue"
    std::map<std::string, topologies::Contention>
        contention;                                    // gemm, attention, memory; all or none
    std::map<std::string, double> cast_s_per_element;  // by format; of products timed with a cast
    /// By format: what routed-expert blocks take besides their products, per element of a row of
    /// the hidden and of the expert width.
    std::map<std::string, std::array<double, 2>> around_s_per_element;
};

/// Fits everything that the measurements cover. Later fits build on earlier ones: products, then
/// memory-bound kernels, attention, and blocks of experts.
Calibration calibrate(const std::vector<Measurement>& measurements, const topologies::Hardware& on);

void fit_gemm(const std::vector<Measurement>& all, Calibration& out);
void fit_attention(const std::vector<Measurement>& all, Calibration& out);
void fit_memory(const std::vector<Measurement>& all, Calibration& out);
/// Host and launch times, and how much slower products are beside other streams.
void fit_rest(const std::vector<Measurement>& all, Calibration& out);
void fit_experts(const std::vector<Measurement>& all, Calibration& out);

/// The calibration as a profile in TOML.
std::string profile_text(const Calibration& calibration, const std::string& name,
                         const std::string& device,
                         const std::map<std::string, std::string>& source);

/// Measured collectives as a transfer table in TOML; "" when there are none. nvlink, nic: nominal
/// rates of the ports, "450 GB/s".
std::string transfers_text(const std::vector<Measurement>& all, const std::string& device,
                           const std::string& nvlink, const std::string& nic,
                           const std::map<std::string, std::string>& source);

}  // namespace moesim::analysis
