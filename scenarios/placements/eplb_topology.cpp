#include <cmath>

#include "scenarios/placements/parts.hpp"
#include "scenarios/placements/replicas.hpp"

namespace moesim::scenarios {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// One layer on its way: replicas with their loads, and the node of each.
class Layer {
public:
    Layer(const std::vector<double>& weight, const PlacementInput& in)
        : in_{in},
          weight_(weight.begin(), weight.end()),
          replicas_{replicate(weight_, in.slots)},
          load_{replicas_.load(weight_)},
          node_(load_.size(), -1),
          copies_(weight.size(), std::vector<int>(at(in.nodes))),
          node_load_(at(in.nodes)) {}

    /// The heaviest replica left to a node with room that has the fewest of its expert; of those,
    /// to the least loaded.
    void deal() {
        std::vector<int> room(at(in_.nodes), in_.slots / in_.nodes);
        for (const int item : by_decreasing(load_)) {
            int best = -1;
            for (int node = 0; node < in_.nodes; ++node) {
                if (room[at(node)] == 0) continue;
                if (best < 0 || rank(item, node) < rank(item, best)) best = node;
            }
            --room[at(best)];
            put(item, best);
        }
    }

    /// Second copies in one node trade places with replicas of nodes that lack their expert, where
    /// neither expert loses a node; of those, with the replica of the nearest load.
    void spread() {
        for (int item = 0; item < in_.slots; ++item)
            if (copies_of(item, node_[at(item)]) > 1) trade(item);
    }

    /// Slots of each node: the heaviest replica left to a GPU with room that has the fewest of its
    /// expert; of those, to the least loaded.
    std::vector<int> slots() const {
        const int per_gpu = in_.slots / in_.gpus, per_node = in_.gpus / in_.nodes;
        std::vector<int> held(at(in_.slots));
        std::vector<int> filled(at(in_.gpus));
        std::vector<double> gpu_load(at(in_.gpus));
        for (const int item : by_decreasing(load_)) {
            const auto key = [&](int gpu) {
                const auto first = held.begin() + gpu * per_gpu;
                return std::pair{std::count(first, first + filled[at(gpu)], expert(item)),
                                 gpu_load[at(gpu)]};
            };
            int best = -1;
            for (int i = 0; i < per_node; ++i) {
                const int gpu = node_[at(item)] * per_node + i;
                if (filled[at(gpu)] < per_gpu && (best < 0 || key(gpu) < key(best))) best = gpu;
            }
            held[at(best * per_gpu + filled[at(best)]++)] = expert(item);
            gpu_load[at(best)] += load_[at(item)];
        }
        return held;
    }

private:
    [[nodiscard]] int expert(int item) const { return replicas_.expert[at(item)]; }
    [[nodiscard]] int copies_of(int item, int node) const {
        return copies_[at(expert(item))][at(node)];
    }
    [[nodiscard]] std::pair<int, double> rank(int item, int node) const {
        return {copies_of(item, node), node_load_[at(node)]};
    }
    void put(int item, int node) {
        if (const int old = node_[at(item)]; old >= 0) {
            --copies_[at(expert(item))][at(old)];
            node_load_[at(old)] -= load_[at(item)];
        }
        node_[at(item)] = node;
        ++copies_[at(expert(item))][at(node)];
        node_load_[at(node)] += load_[at(item)];
    }
    /// The node gains this replica's expert and does not lose the other's.
    [[nodiscard]] bool may_trade(int item, int other) const {
        const int here = node_[at(item)], there = node_[at(other)];
        return here != there && copies_of(item, there) == 0 &&
               (copies_of(other, there) > 1 || copies_of(other, here) == 0);
    }
    void trade(int item) {
        int best = -1;
        float best_gap = 0;
        for (int other = 0; other < in_.slots; ++other) {
            const float gap = std::abs(load_[at(item)] - load_[at(other)]);
            if ((best < 0 || gap < best_gap) && may_trade(item, other)) {
                best = other;
                best_gap = gap;
            }
        }
        if (best < 0) return;
        const int here = node_[at(item)], there = node_[at(best)];
        put(item, there);
        put(best, here);
    }

    const PlacementInput& in_;
    std::vector<float> weight_;
    Replicas replicas_;
    std::vector<float> load_;               // [replicas]
    std::vector<int> node_;                 // [replicas]
    std::vector<std::vector<int>> copies_;  // [experts][nodes]
    std::vector<double> node_load_;         // [nodes]
};

/// EPLB's replica counts (its global policy), its replicas spread over the nodes.
///
/// Objective: first the largest share of load that finds a replica in its own node when every node
/// has the same tokens (node_local_share(); a token goes to its nearest replica), then the smallest
/// load of a node and of a GPU, shares of replicas taken as equal. Greedy, then one round of
/// trades; no bound on the distance to the best. Left out: which node's tokens want which expert,
/// and routing groups (a token limited to some groups may touch more nodes than under "eplb").
class EplbTopology final : public PlacementStrategy {
public:
    explicit EplbTopology(sim::Table&) {}

    std::string refuse(const PlacementInput& input) const override { return unreplicable(input); }

    Placement place(const PlacementInput& input) const override {
        std::vector<std::vector<int>> phy2log;
        for (const std::vector<double>& load : input.weight) {
            Layer layer{load, input};
            layer.deal();
            layer.spread();
            phy2log.push_back(layer.slots());
        }
        return Placement::from_slots(std::move(phy2log),
                                     static_cast<int>(input.weight.front().size()));
    }

    bool replicates() const override { return true; }
};

const sim::Register<PlacementStrategy, EplbTopology, sim::Table&> entry{
    "eplb_topology", "EPLB's replica counts, an expert's replicas in different nodes"};

}  // namespace
}  // namespace moesim::scenarios
