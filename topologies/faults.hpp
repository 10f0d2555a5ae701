#pragma once

#include <string>
#include <vector>

#include "sim/input.hpp"
#include "topologies/cluster_builder.hpp"

namespace moesim::topologies {

/// What is broken, the table `faults` of a cluster file or of a scenario:
///
///     [[faults.gpu]]      gpu = 5, speed = 0.8                 computes at 0.8 of its device
///     [[faults.nic]]      gpu = 12, rate = 0.5                 0, the default: dead
///     [[faults.link]]     from = "leaf-0.0", to = "spine-1", cables = 2      default: all of them
///     [[faults.switch]]   name = "spine-3"                     with every link at it
///
/// Names are those of `moesim topology NAME --dot`. A link fails in both directions. Throws
/// sim::InputError at the key: values out of range when read, unknown names when applied.
class Faults {
public:
    explicit Faults(sim::Table& faults);
    void apply(Cluster::Impl& cluster) const;

private:
    struct Gpu {
        sim::Table at;
        int gpu;
        double rate;
    };
    struct Link {
        sim::Table at;
        std::string from, to;
        int cables;  // 0: all
    };
    struct Switch {
        sim::Table at;
        std::string name;
    };
    std::vector<Gpu> gpus_, nics_;
    std::vector<Link> links_;
    std::vector<Switch> switches_;
};

/// Nodes `first` to `last` have another device, the array of tables `other_nodes`:
///
///     [[other_nodes]]
///     first = 128
///     last = 255
///     device = "h20"
///     nvlink = "450 GB/s"    # absent: as the rest
///     nic = "400 Gbit/s"     # absent: as the rest
struct MixedNodes {
    sim::Table at;
    int first, last;
    Device device;
    BytesPerSecond nvlink{0}, nic{0};  // 0: as the rest
};
std::vector<MixedNodes> read_mixed(sim::Table& in);
void mix(Cluster::Impl& cluster, const std::vector<MixedNodes>& nodes);

/// Throws sim::InputError, at the faults where there are any, else at `kind`, when some GPU cannot
/// be reached from the first one over whatever links are left.
void check_connected(const Cluster::Impl& cluster, const sim::Table& in, const sim::Table* faults);

/// `ecmp` ("spread", the default, or "hash"), `ecmp_seed`, `ecmp_paths` (of one pair of GPUs).
void read_ecmp(sim::Table& in, Cluster::Impl& cluster);

/// `network_usd`, `usd_per_endpoint`, `network_power_w`: only reported.
void read_given(sim::Table& in, Cluster::Impl& cluster);

}  // namespace moesim::topologies
