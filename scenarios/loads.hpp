#pragma once

#include <map>
#include <memory>
#include <vector>

#include "scenarios/placement.hpp"
#include "scenarios/scenario.hpp"

namespace moesim::scenarios {

/// What one MoE layer makes of one micro-batch in one expert-parallel group.
struct ExchangeLoad {
    std::vector<double> rows;     // [members] routed rows that reach a rank's experts
    std::vector<double> unique;   // [members] distinct tokens among them
    topologies::PortLoads ports;  // [members] token copies of the dispatch, all phases together
    std::vector<topologies::PortLoads> phases;  // each phase apart, where there are several
    std::vector<topologies::Flows> flows;  // [phases] from whom to whom, for network "pairwise"
    /// [members] expert weights that travel for this micro-batch only, as copies of one expert
    topologies::PortLoads shipped;
    double dropped = 0;  // share of assignments dropped

    [[nodiscard]] std::size_t phase_count() const { return phases.empty() ? 1 : phases.size(); }
    [[nodiscard]] const topologies::PortLoads& phase(std::size_t i) const {
        return phases.empty() ? ports : phases[i];
    }
};

double mean(const std::vector<double>& v);
double max_over_mean(const std::vector<double>& v);
double hottest(const std::vector<double>& v);

/// Physical slots of the experts on the members of an expert-parallel group, per MoE layer.
class SlotMap {
public:
    /// A replica of an expert and the share of the expert's tokens that goes there.
    struct Replica {
        int member;
        double share;
    };
    /// Every expert once, in runs of equal length.
    static SlotMap contiguous(int layers, int experts, int members);
    /// shares [layers][slots], or empty: replicas share equally.
    SlotMap(const Placement& placement, int members,
            const std::vector<std::vector<double>>& shares = {});

    [[nodiscard]] const std::vector<std::vector<Replica>>& of_experts(int layer) const {
        return layers_[static_cast<std::size_t>(layer) % layers_.size()];
    }
    [[nodiscard]] int slots_per_member() const { return slots_per_member_; }
    [[nodiscard]] int layers() const { return static_cast<int>(layers_.size()); }

private:
    SlotMap() = default;
    std::vector<std::vector<std::vector<Replica>>> layers_;  // [layers][experts][replicas]
    int slots_per_member_ = 0;
};

/// The loads of a run: routing (which experts) x placement (who holds them) x dispatcher (who
/// forwards).
///
/// Sources of one kind share a load vector, so what costs is the number of kinds and layers, not of
/// tokens. A token's chance to touch a set S of slots is 1 - prod(1 - q_s), q_s its chance to
/// choose the slot, scaled so that uniform shares give the expected distinct destinations of
/// models/group_limited; kinds with per-token data answer exactly.
class Loads {
public:
    /// gpus: one of each expert-tensor group of an expert group, in rank order.
    Loads(const Scenario& scenario, const std::vector<int>& gpus);

    /// False when every member of every group has the same load.
    [[nodiscard]] bool differ() const { return differ_; }
    [[nodiscard]] ExchangeLoad get(int moe_layer, int micro_batch, int replica,
                                   bool backward) const;
    [[nodiscard]] int members() const { return members_; }
    [[nodiscard]] int nodes() const { return shape_.nodes; }  // that an expert group spans
    [[nodiscard]] int slots_per_member() const { return slots_->slots_per_member(); }
    /// Expert slots that hold another replica of an expert of another member, per member and layer
    /// [layers][members]: their gradients are reduced.
    [[nodiscard]] double replicated_slots() const { return replicated_slots_; }
    /// Slots per member and layer whose expert must come from elsewhere when the placement is
    /// computed anew from the next micro-batches observed; 0 when it is never.
    [[nodiscard]] double moved_slots() const { return moved_slots_; }
    /// The placement, when it is not contiguous.
    [[nodiscard]] const std::optional<Placement>& placement() const { return placement_; }

private:
    /// What a token of a kind (and, with nearest replicas, of a source) does to the members.
    const topologies::Copies& copies(int moe_layer) const;
    void add_copies(topologies::Copies& out, int moe_layer, int kind, int source) const;
    void place();
    void count_moves(PlacementInput input);
    void scale_excess(std::vector<double>& values) const;
    static void spread(ExchangeLoad& load, std::size_t expert_tensor);
    void exchange(ExchangeLoad& out, const topologies::Copies& per_token,
                  const std::vector<int>& kinds, double tokens) const;
    [[nodiscard]] bool by_source() const;

    const Scenario& scenario_;
    topologies::GroupShape shape_;
    int members_ = 1, experts_ = 0, top_k_ = 0, moe_layers_ = 0;
    double choices_ = 0;  // of real experts per token; top_k_ is that, rounded
    bool differ_ = false;
    double replicated_slots_ = 0, moved_slots_ = 0;
    std::optional<Placement> placement_;
    std::unique_ptr<SlotMap> slots_;
    double node_scale_ = 1, gpu_scale_ = 1;
    mutable std::map<int, topologies::Copies> copies_;  // by MoE layer
};

/// Loads that a placement is computed from: expected rows per expert over micro-batches that the
/// run itself does not see. [MoE layers][experts] window: 0, 1, ... later micro-batches.
std::vector<std::vector<double>> observed_loads(const Scenario& scenario, int sources,
                                                int window = 0);

}  // namespace moesim::scenarios
