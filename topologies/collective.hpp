#pragma once

#include <string>
#include <vector>

#include "sim/registry.hpp"

namespace moesim::topologies {

class Cluster;

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

/// Token copies from rank to rank; inside a scale-up domain over NVLink, else over the NICs. What
/// stays on its rank is not counted.
struct Flows {
    explicit Flows(std::size_t count) : ranks{count}, copies(count * count) {}
    [[nodiscard]] double at(std::size_t from, std::size_t to) const {
        return copies[from * ranks + to];
    }
    void add(std::size_t from, std::size_t to, double count) {
        if (from != to) copies[from * ranks + to] += count;
    }

    std::size_t ranks;
    std::vector<double> copies;  // [from * ranks + to]
};

/// Token copies through the ports of each rank in one dispatch; a combine is its mirror image.
struct PortLoads {
    std::vector<double> nic_out, nic_in, nvlink_out, nvlink_in;  // [ranks]
};
PortLoads port_loads(const GroupShape& group, const Flows& flows);

/// How tokens travel to their experts and back.
///
/// Contract: flows() counts token copies, not bytes, one Flows per phase; phases follow one
/// another, what is in one phase runs side by side. A combine runs them mirrored and backwards.
/// Costs are asked of the profile by the names given here.
class Dispatcher {
public:
    virtual ~Dispatcher() = default;
    /// tokens per source; kind_of_source [ranks].
    [[nodiscard]] virtual std::vector<Flows> flows(const GroupShape& group, const Copies& copies,
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
    /// SMs held while data travel, unless the plan says otherwise; 0: the copy engines or the NICs
    /// do it alone.
    [[nodiscard]] virtual int sms() const = 0;
    /// How often a rank's own rows are read and written at home to bring them into order, besides
    /// the permutation that every dispatcher needs.
    [[nodiscard]] virtual int local_copies() const { return 0; }
    /// Whether rows arrive padded to what the GEMMs of an expert need.
    [[nodiscard]] virtual bool pads_rows() const { return false; }

    /// All phases together.
    [[nodiscard]] PortLoads loads(const GroupShape& group, const Copies& copies,
                                  const std::vector<int>& kind_of_source, double tokens) const;
};

/// What step.dispatcher = "auto" stands for in an expert-parallel group of `ranks` consecutive
/// GPUs. Source: NVIDIA-NeMo/Megatron-Bridge, flex dispatcher backends: HybridEP where one NVLink
/// domain holds more than a board (GB200, GB300), DeepEP on boards of 8 with a NIC per GPU; NCCL
/// where neither runs.
std::string pick_dispatcher(const Cluster& cluster, int ranks);

}  // namespace moesim::topologies
