#pragma once

#include <string>

#include "sim/input.hpp"

namespace moesim::topologies {

/// What it costs a host's processor to make a device work, kernel by kernel: the time between two
/// calls that a framework needs, not the device's own launch latency. One thread issues everything.
struct Host {
    std::string name;
    double op_s = 0;         // one operator of the framework, with the kernel that it launches
    double kernel_s = 0;     // each further kernel of the same operator
    double linear_s = 0;     // a matrix multiplication of a kernel library with its own bindings
    double module_s = 0;     // a module of the framework around one: its checks, views, autograd
    double group_s = 0;      // each further GEMM of a grouped one that is launched group by group
    double graph_s = 0;      // launch of a captured graph, whatever it holds
    double read_back_s = 0;  // waiting for a number from the device, once that is there
};

/// Reads topologies/hosts/NAME.toml (or a path). Throws sim::InputError.
Host load_host(const std::string& name);

}  // namespace moesim::topologies
