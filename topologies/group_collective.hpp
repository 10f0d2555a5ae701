#pragma once

#include <string>

#include "sim/registry.hpp"

namespace moesim::topologies {

/// Ranks that all take part in a collective, and how they stand.
struct RankGroup {
    int ranks = 1;
    int per_node = 1;    // in one scale-up domain
    bool nvls = false;   // the scale-up switch can multicast and add
    bool sharp = false;  // the scale-out switches can add
    [[nodiscard]] int nodes() const { return (ranks + per_node - 1) / per_node; }
};

/// Bytes through the busiest port of a rank, one direction, and the messages that follow one
/// another.
struct CollectiveLoad {
    double nic = 0, nvlink = 0;
    double nvlink_steps = 0, nic_steps = 0;
};

/// One algorithm of a collective.
///
/// Contract: load() is asked only where can() is true, and is linear in bytes.
class GroupCollective {
public:
    virtual ~GroupCollective() = default;
    /// What it does, in the profile's words: "nccl.all_reduce", ...
    [[nodiscard]] virtual std::string collective() const = 0;
    [[nodiscard]] virtual bool can(const RankGroup& group) const = 0;
    /// bytes: the buffer of one rank as nccl-tests counts it (all-gather and reduce-scatter: the
    /// gathered, the unreduced whole).
    [[nodiscard]] virtual CollectiveLoad load(const RankGroup& group, double bytes) const = 0;
    /// Thread blocks, each on an SM of its own.
    [[nodiscard]] virtual int sms() const { return 16; }
};

/// Nominal bytes/s of a rank's ports, one direction; 0: there is none.
struct PortRates {
    double nic = 0, nvlink = 0;
};

struct CollectiveChoice {
    std::string algorithm;  // as registered
    CollectiveLoad load;
    double steps_s = 0;  // latency of all its steps
    int sms = 0;
};

/// The algorithm with the least steps x latency + bytes / rate, as NCCL's tuner decides. Throws
/// std::out_of_range when no algorithm of this collective can serve the group.
/// Source: NVIDIA/nccl, src/graph/tuning.cc: per hop 0.6 us over NVLink and 5 us over the network
/// (LL protocol, tree); its efficiency factors are left out.
CollectiveChoice choose(const std::string& collective, const RankGroup& group, double bytes,
                        const PortRates& rates);

}  // namespace moesim::topologies
