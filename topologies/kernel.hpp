#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "topologies/device.hpp"

namespace moesim::topologies {

/// What a number rests on, best first.
enum class Evidence : std::uint8_t { measured, interpolated, extrapolated, roofline };
std::string_view name(Evidence evidence);

/// Seconds of one kernel with the relative error (one standard deviation) and its ground.
struct Cost {
    double seconds = 0;
    double rel_error = 0;
    Evidence evidence = Evidence::roofline;
};

enum class Pass : std::uint8_t { forward, input_gradient, weight_gradient };
std::string_view name(Pass pass);

/// A matrix multiplication of `groups` equal groups (1: dense), in the dimensions of its forward
/// pass whatever the pass: m rows (tokens) of each group, in -> out features.
///   forward [m,in]x[in,out]; input_gradient [m,out]x[out,in]; weight_gradient [in,m]x[m,out]
/// All three do 2 m in out groups FLOP.
struct Gemm {
    Pass pass = Pass::forward;
    std::string format;  // "bf16", "fp8_block", "fp8", ...
    double m = 0, out = 0, in = 0;
    double groups = 1;
};

/// The attention core (scores, softmax, values), projections not included.
/// FLOP forward: 2 batch heads sequence^2 (qk_dim + v_dim), half of it when causal; backward 2.5 x.
struct AttentionCore {
    Pass pass =
        Pass::forward;  // input_gradient: the whole backward, pre- and postprocessing included
    std::string format = "bf16";
    double batch = 1, heads = 0, kv_heads = 0, sequence = 0;
    double qk_dim = 0, v_dim = 0;
    bool causal = true;
    double window = 0;  // keys a query sees at most, itself included; 0: all
};

/// A kernel, or a chain of small ones, that moves bytes (read + written, all launches together);
/// `name` picks its own achieved rate when the profile has one ("rmsnorm", "cast", "permute", ...).
struct Memory {
    std::string name;
    double bytes = 0;
    int launches = 1;  // each has the floor of a kernel
};

/// Achieved share of nominal link rate and fixed cost of one collective.
struct TransferCost {
    double nic_share = 1;     // of the nominal NIC rate, at the asked bytes
    double nvlink_share = 1;  // of the nominal scale-up rate
    double startup_s = 0;     // before the first byte: launch, layout, handshake
    double slowdown = 1;      // >= 1, when compute runs beside it (1 when not contended)
    int sms = 0;              // held while it runs
    double rel_error = 0;
    Evidence evidence = Evidence::roofline;
};

/// What a transfer is asked for.
struct TransferQuery {
    /// As in topologies/collectives ("deepep.dispatch", "nccl.all_reduce", "p2p", ...).
    std::string collective;
    /// Size by the collective's own measure (nccl-tests: the whole buffer of a rank); 0 for an
    /// exchange, which is measured by what passes its ports.
    double bytes = 0;
    double nic_bytes = 0, nvlink_bytes = 0;  // through a rank's ports, one direction, on average
    bool contended = false;
    int ranks = 0, nodes = 1;  // of the group; 0: not said
    int sms = 0;               // held; 0: not said
};

/// The cost profile of a device: physical form first (tiles and waves over SMs, bytes over
/// bandwidth, launch floor), fitted parameters second, measured points with their residuals kept.
///
/// A query is answered by the physical form times the ratio measured / form of the nearest points
/// (inverse distance in log space, same op, format and pass). On a point: measured; among points:
/// interpolated; beyond a factor of two from any: extrapolated, with an error that grows with the
/// distance; without a point: roofline. `contended`: other streams hold SMs and memory bandwidth
/// meanwhile; points say under which of the two they were taken.
class Profile {
public:
    struct Impl;

    /// Reads topologies/profiles/NAME.toml (or a path); an empty name gives the roofline profile of
    /// the device. Throws sim::InputError.
    static Profile load(const std::string& name, const Device& device);

    [[nodiscard]] Cost gemm(const Gemm& q, bool contended) const;
    [[nodiscard]] Cost attention(const AttentionCore& q, bool contended) const;
    [[nodiscard]] Cost memory(const Memory& q, bool contended) const;
    [[nodiscard]] TransferCost transfer(const TransferQuery& query) const;
    /// bytes per rank and direction.
    [[nodiscard]] TransferCost transfer(const std::string& collective, double bytes,
                                        bool contended) const;
    /// Idle time between two kernels of a stream when the device is the bottleneck.
    [[nodiscard]] double launch_gap_s() const;
    /// Time the host needs to issue one kernel when nothing is captured in a graph.
    [[nodiscard]] double host_issue_s() const;
    [[nodiscard]] const std::string& name() const;
    /// name, device, sources, number of points per op: for provenance in results.
    [[nodiscard]] nlohmann::ordered_json provenance() const;

private:
    std::shared_ptr<const Impl> impl_;
};

}  // namespace moesim::topologies
