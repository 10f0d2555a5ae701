#pragma once

#include <array>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <tuple>
#include <vector>

#include "scenarios/hardware.hpp"
#include "scenarios/lanes.hpp"
#include "scenarios/loads.hpp"
#include "scenarios/lowering.hpp"
#include "topologies/group_collective.hpp"

namespace moesim::scenarios {

enum class Exchange : std::uint8_t { dispatch, combine, combine_gradient, dispatch_gradient };

/// Writes tasks; knows streams, ports and costs, but no order. Used by the unit writers.
class Builder {
public:
    Builder(const Scenario& scenario, bool fold);

    const Scenario& s;
    Lowered out;
    std::vector<Group> groups;  // by (replica, pipeline rank): groups[replica * ranks + rank]
    bool take_turns = false;    // [what_if] overlap = 0
    bool goes_on = false;       // what is written next is one kernel with what was written before

    [[nodiscard]] Group& group(int rank, int replica) {
        return groups[static_cast<std::size_t>(replica * s.parallel.pipeline + rank)];
    }
    [[nodiscard]] int gpu(const Group& g, std::size_t member) const {
        return s.grid.gpu(g.rank, g.number, static_cast<int>(member));
    }
    [[nodiscard]] int replicas() const { return replicas_; }
    [[nodiscard]] double stands_for() const { return stands_for_; }
    [[nodiscard]] const Loads& loads() const { return *loads_; }

    /// One segment of an item on every lane.
    /// part: of the tokens, in kernels of their own.
    /// beside: share of its time during which transfers run beside it.
    Step work(Group& g, const Item& item, Segment segment, double beside, int micro_batch,
              std::initializer_list<Step> after, double part = 1);
    /// One exchange of a MoE layer among the lanes of a group.
    /// beside, here and below: share of its time during which compute runs beside it.
    Step exchange(Group& g, const Item& item, Exchange what, double beside, int micro_batch,
                  std::initializer_list<Step> after, double part = 1);
    /// All-gather or reduce-scatter of a layer's activations over the tensor-parallel ranks.
    /// part: of the bytes. of_layer: the part of a layer's tokens that this is about.
    Step tensor(Group& g, const Item& item, int micro_batch, double beside,
                std::initializer_list<Step> after, double part = 1, double of_layer = 1);
    /// Keys and values, or heads, exchanged over the context-parallel ranks.
    Step context(Group& g, const Item& item, int micro_batch, bool backward,
                 std::initializer_list<Step> after);
    /// Routed rows gathered over (or their results scattered to) the expert-tensor ranks.
    Step expert_tensor(Group& g, const Item& item, int micro_batch, bool backward, bool gather,
                       double beside, std::initializer_list<Step> after, double part = 1);
    /// The experts of a MoE layer with what they exchange, in parts that run under each other: the
    /// share of the compute that has transfers beside it, and the share of the transfers that has
    /// compute beside them. The shorter one is wholly beside the longer.
    struct Beside {
        double compute = 0, transfers = 0;
    };
    [[nodiscard]] Beside side_by_side(Group& g, const Item& item, int micro_batch, bool backward,
                                      bool whole);
    Step ring(Group& g, const Ring& ring, std::initializer_list<Step> after);
    /// Activations or their gradients from one pipeline rank to another.
    Step send(Group& from, Group& to, int what, int micro_batch, std::initializer_list<Step> after);
    /// A collective of kind dp on the lanes' dp streams (of several groups); bytes as nccl-tests
    /// counts them (GroupCollective::load).
    /// behind_compute: it waits for what was written last on the lanes' compute streams, too.
    Step reduce(std::span<Group* const> who, const std::string& collective, double bytes,
                const Among& among, std::initializer_list<Step> after, const char* op,
                bool behind_compute = true);
    /// Experts on their way to a new placement: `share` of Loads::moves() x `bytes`, after what the
    /// lanes computed last, or (beside) from the begin of the step on streams of their own, where
    /// they share the links with whatever else is in flight.
    Step move(Group& g, double bytes, double share, bool beside);
    /// Seconds on the compute stream of every lane.
    Step optimizer(Group& g, double seconds, const topologies::Cost& cost,
                   std::initializer_list<Step> after);
    void memory(const Group& g, Step at, bool at_end, MemoryClass cls, double bytes);
    /// Activation bytes that an item keeps from its forward to its backward, at its hottest member.
    [[nodiscard]] double activation_bytes(const Item& item, int micro_batch, int replica) const;

private:
    struct PortLink {
        int physical;
        sim::LinkId id;
    };
    /// What a collective among `ranks` costs, by the algorithm that is chosen for it.
    struct GroupCost {
        topologies::CollectiveLoad load;
        topologies::TransferCost cost;
    };
    GroupCost group_cost(const std::string& collective, double bytes, int ranks, int per_node,
                         bool contended, const std::string& what);
    /// A transfer that is not written yet.
    struct Sent {
        double latency;
        std::vector<sim::Demand> demands;
        topologies::TransferCost cost;
        [[nodiscard]] double seconds() const;
    };
    std::vector<Sent> exchanged(const Group& g, const Item& item, Exchange what, double beside,
                                int micro_batch, double part);
    Sent rung(const Group& g, const Ring& ring);
    [[nodiscard]] Ring tensor_ring(const Item& item, int micro_batch, double beside, double part,
                                   double of_layer) const;
    [[nodiscard]] Ring expert_ring(const Group& g, const Item& item, int micro_batch, bool backward,
                                   bool gather, double beside, double part) const;
    std::vector<sim::TaskId> gather(const Group& g, std::size_t lane,
                                    std::initializer_list<Step> after) const;
    /// A port or cable in the graph, once. `members`: the ranks that share what it stands for.
    sim::LinkId link(int physical, double rate_factor, int members = 1);
    std::uint16_t op(const std::string& name, const SegmentCost* cost, double seconds);
    std::uint16_t transfer_op(const std::string& name, const topologies::TransferCost& cost,
                              double seconds);
    void ported(std::vector<sim::Demand>& demands, const Lane& lane, double nic_out, double nic_in,
                double nvlink_out, double nvlink_in, double payload, double mean_copies,
                const topologies::TransferCost& cost);
    [[nodiscard]] topologies::TransferCost exchange_cost(const std::string& name,
                                                         const topologies::PortLoads& phase,
                                                         double payload, double beside) const;
    void through_ports(std::vector<sim::Demand>& demands, const Lane& lane, std::size_t l,
                       const topologies::PortLoads& phase, bool outwards, double payload,
                       const topologies::TransferCost& cost);
    void pairwise(std::vector<sim::Demand>& demands, const Group& g, const topologies::Flows& flows,
                  bool outwards, double payload, const topologies::TransferCost& cost);
    /// What a byte through the port of every rank puts on the busiest link of the fabric beyond the
    /// ports, all groups around doing the same; and what a relay inside a node adds.
    struct Narrow {
        int physical = -1;      // link, -1: the ports are the narrowest
        bool scale_up = false;  // the ports are NVLink's: the group stays in one domain
        double per_byte = 0;    // bytes on it
        double relay_s = 0;     // seconds of NVLink per NIC byte, before the NIC
        double links = 0;       // of its class that the pipeline rank's traffic takes
    };
    const Narrow& narrow(const Group& g, const Traffic& traffic);
    [[nodiscard]] Narrow search(const Group& g, const Traffic& traffic) const;
    /// The link that stands for it: one for each group and class, which all traffic of the group
    /// shares; further lanes that send each for itself have their own.
    sim::LinkId fabric_link(const Group& g, std::size_t lane, const Narrow& n);
    [[nodiscard]] double relayed(const Group& g, const Narrow& n, double port_bytes) const;
    /// Adds what bytes through the ports of every rank load beyond them; returns the seconds that
    /// relays take before.
    double beyond_ports(std::vector<sim::Demand>& demands, const Group& g, std::size_t lane,
                        const Traffic& traffic, double nic_bytes, double nvlink_bytes,
                        const topologies::TransferCost& cost);
    void ship(std::vector<sim::Demand>& demands, const Lane& lane, std::size_t l,
              const ExchangeLoad& load, bool home, const topologies::TransferCost& cost);
    void sample(const Item& item, int micro_batch, const ExchangeLoad& load);
    const ExchangeLoad& load(const Item& item, int micro_batch, int replica, bool backward) const;
    void add_ground(std::uint16_t op, const std::array<double, 4>& seconds, double rel_error,
                    double weight);

    double dropped_ = 0;
    bool fold_;
    int replicas_ = 1;
    int width_ = 1;
    double stands_for_ = 1;
    std::unique_ptr<Loads> loads_;
    std::unique_ptr<DeviceCosts> costs_;
    double mean_rows_ = 0, unique_per_row_ = 1;
    std::map<int, sim::LinkId> links_;
    std::map<const SegmentCost*, std::uint32_t> constant_;
    std::map<sim::TaskId, Step> last_;
    mutable std::map<std::array<int, 4>, ExchangeLoad> known_loads_;
    std::map<std::string, double> stream_seconds_;
    std::map<std::pair<int, Traffic>, Narrow> narrow_;  // by group; one for all that are alike
    std::map<std::tuple<std::ptrdiff_t, std::size_t, std::string, double>, sim::LinkId>
        fabric_links_;        // by group, lane, class, rate
    std::vector<Step> turn_;  // [groups] the last task, when everybody takes turns
};

class WeightTraffic;

/// Writes one slot of the schedule on a group. `arrived`: what it waits for.
/// returns the step whose end makes the output (activations or gradients) complete.
struct Outputs {
    Step forward, backward;
};
Outputs write_slot(Builder& b, WeightTraffic& weights, Group& g, const Slot& slot,
                   const std::vector<std::vector<Item>>& stages, Step forward_input,
                   Step backward_input);

/// Gradient reduction, optimizer and parameter gather of all groups.
void write_optimizer(Builder& b, const std::vector<std::vector<Item>>& stages);

/// Gradients of replicated experts, and the moves of a placement that changes.
void write_replicas(Builder& b, const std::vector<std::vector<Item>>& stages);

/// Pipeline stages whose weights a rank holds: one per flow and chunk.
std::set<int> stages_on(const Scenario& s, int rank, int stages);

/// Weights, gradients and optimizer state of every rank class.
void write_standing_memory(Builder& b, const std::vector<std::vector<Item>>& stages);

/// Parameters of one rank: what every rank of the stage holds, and its routed experts.
struct RankParameters {
    double shared = 0;  // divided by tensor parallelism already
    double routed = 0;
};
RankParameters rank_parameters(const Scenario& s, const std::vector<Item>& stage);

/// Ranks that hold the same weights.
Among dense_replicas(const Scenario& s);
Among expert_replicas(const Scenario& s);

/// Parameters of one routed expert of one layer.
double expert_parameters(const Scenario& s);

}  // namespace moesim::scenarios
