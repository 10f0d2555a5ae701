#include "topologies/group_collective.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace moesim::topologies {
namespace {

constexpr double kNvlinkHop = 0.6e-6, kNetworkHop = 5e-6;  // seconds

double over(double bytes, double rate) { return bytes > 0 && rate > 0 ? bytes / rate : 0; }

}  // namespace

CollectiveChoice choose(const std::string& collective, const RankGroup& group, double bytes,
                        const PortRates& rates) {
    CollectiveChoice best;
    double least = std::numeric_limits<double>::infinity();
    for (const std::string& name : sim::Registry<GroupCollective>::names()) {
        const auto algorithm = sim::Registry<GroupCollective>::make(name);
        if (algorithm->collective() != collective || !algorithm->can(group)) continue;
        const CollectiveLoad load = algorithm->load(group, bytes);
        const double steps = load.nvlink_steps * kNvlinkHop + load.nic_steps * kNetworkHop;
        const double seconds =
            steps + std::max(over(load.nic, rates.nic), over(load.nvlink, rates.nvlink));
        if (seconds < least) {
            least = seconds;
            best = {name, load, steps, algorithm->sms()};
        }
    }
    if (best.algorithm.empty()) throw std::out_of_range("no algorithm for " + collective);
    return best;
}

}  // namespace moesim::topologies
