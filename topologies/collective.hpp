#pragma once

#include <string>
#include <vector>

#include "sim/registry.hpp"

namespace moesim::topologies {

/// Where the ranks of an expert-parallel group stand.
struct GroupShape {
    std::vector<int> node;   // [ranks] scale-up domain, numbered from 0 inside the group
    std::vector<int> local;  // [ranks] index inside the domain: its rail
    int nodes = 1;
};

/// Expected copies that one token of a kind needs, by destination. A token of kind K makes
/// rows[K][r] expert rows on rank r, touches rank r with probability gpu[K][r] and domain n with
/// probability node[K][n].
struct Copies {
    std::vector<std::vector<double>> rows;  // [kinds][ranks]
    std::vector<std::vector<double>> gpu;   // [kinds][ranks]
    std::vector<std::vector<double>> node;  // [kinds][nodes]
};

/// Token copies through the ports of each rank in one dispatch; a combine is its mirror image.
struct PortLoads {
    std::vector<double> nic_out, nic_in, nvlink_out, nvlink_in;  // [ranks]
};

/// How tokens travel to their experts and back.
///
/// Contract: loads() counts token copies, not bytes; copies that stay on their rank load no port;
/// sent copies equal received ones on each of the two fabrics. Costs are asked of the profile by
/// the names given here.
class Dispatcher {
public:
    virtual ~Dispatcher() = default;
    /// tokens per source; kind_of_source [ranks].
    [[nodiscard]] virtual PortLoads loads(const GroupShape& group, const Copies& copies,
                                          const std::vector<int>& kind_of_source,
                                          double tokens) const = 0;
    /// Names in the profile: dispatch, combine, gradient of combine (moves as a dispatch), gradient
    /// of dispatch (moves as a combine).
    struct Names {
        std::string dispatch, combine, combine_gradient, dispatch_gradient;
    };
    [[nodiscard]] virtual Names names() const = 0;
    /// Bytes of a token copy of `payload` bytes on the wire, with its metadata.
    [[nodiscard]] virtual double wire_bytes(double payload, int top_k) const = 0;
    /// Whether the host waits for the counts before it can size the exchange.
    [[nodiscard]] virtual bool host_waits() const = 0;
};

}  // namespace moesim::topologies
