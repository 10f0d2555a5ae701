#pragma once

#include <optional>

#include "sim/input.hpp"
#include "topologies/cluster.hpp"

namespace moesim::scenarios {

/// A batch that grows: from `from` sequences in equal increments, each kept for the same number of
/// tokens, until `tokens` are behind and the batch is that of the step.
struct BatchRamp {
    long from = 0, increment = 0;  // sequences
    double tokens = 0;
};

/// What a GPU, its share of the node and the building draw.
struct Power {
    double device_w = 0;       // while it computes
    double device_idle_w = 0;  // while it waits
    double host_w = 0;         // of the node without GPUs and NICs, per GPU
    double nic_w = 0;          // of the node's NICs, per GPU
    double network_w = 0;      // of the switches, per GPU
    double pue = 1;            // power of the building over that of its computers
};

/// How often the work is saved.
struct Checkpoint {
    double every_s = 0;  // of work between two; 0: the best (Daly)
    double write_s = 0;  // that training stands still for each
};

/// What breaks, and what happens then. Times between failures are exponential.
struct Failures {
    double mtbf_gpu_s = 0, mtbf_node_s = 0, mtbf_job_s = 0;  // 0: never
    double restart_s = 0;  // from a failure to work again, where a node is at hand
    double repair_s = 0;   // until a broken node is back
    int spares = -1;       // nodes that stand by; -1: there is always one
    int replicas = 0;      // simulated runs
    [[nodiscard]] bool any() const { return mtbf_gpu_s > 0 || mtbf_node_s > 0 || mtbf_job_s > 0; }
};

/// The planning question: how long for this many tokens, and what it costs.
struct Training {
    double tokens = 0;
    double price_per_gpu_hour = 0;
    std::optional<BatchRamp> ramp;
    Power power;
    Checkpoint checkpoint;
    Failures failures;
};

/// Reads [training]. Throws sim::InputError.
Training read_training(sim::Table& in, const topologies::Cluster& cluster);

struct Scenario;
/// Rules between [training] and the batch; fills in the ramp's increment. Throws sim::InputError.
void check_training(sim::Table& in, Scenario& s);

}  // namespace moesim::scenarios
