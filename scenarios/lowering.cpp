#include "scenarios/lowering.hpp"

#include <cassert>
#include <map>
#include <tuple>

#include "scenarios/weight_traffic.hpp"

namespace moesim::scenarios {

std::string_view name(MemoryClass cls) {
    static constexpr std::array<std::string_view, kMemoryClasses> names{
        "weights", "gradients", "optimizer", "activations", "buffers"};
    return names[static_cast<std::size_t>(cls)];
}

namespace {

constexpr int kForward = 0, kBackward = 1;

/// Writes the slots of all ranks in an order in which every input is written before it is used.
class Program {
public:
    explicit Program(Builder& b) : b_{b}, stages_{stage_items(b.s)} {
        const int ranks = b_.s.parallel.pipeline;
        PipelineShape shape = b_.s.shape();
        if (b_.s.flush > 0) shape.micro_batches = b_.s.flush;
        const int flushes = b_.s.micro_batches() / shape.micro_batches;
        const int per_flow = shape.micro_batches / b_.s.schedule->flows();
        for (int r = 0; r < ranks; ++r) {
            const std::vector<Slot> order = b_.s.schedule->order(r, shape);
            orders_.emplace_back();
            for (int flush = 0; flush < flushes; ++flush)
                for (Slot slot : order) {
                    slot.forward.micro_batch += flush * per_flow;
                    slot.backward.micro_batch += flush * per_flow;
                    orders_.back().push_back(slot);
                }
        }
        weights_ = std::make_unique<WeightTraffic>(b_, stages_, gradients());
    }

    void write() {
        if (!b_.s.schedule->cut_out()) weights_->begin();
        for (int replica = 0; replica < b_.replicas(); ++replica) write_replica(replica);
        if (!b_.s.schedule->cut_out()) write_optimizer(b_, stages_);
        write_standing_memory(b_, stages_);
    }

private:
    using Arrival = std::tuple<int, int, int, int>;  // direction, stage, flow, micro-batch

    void write_replica(int replica) {
        const auto ranks = orders_.size();
        arrived_.clear();
        std::vector<std::size_t> next(ranks, 0);
        for (bool moved = true; moved;) {
            moved = false;
            for (std::size_t r = 0; r < ranks; ++r)
                while (next[r] < orders_[r].size() && ready(orders_[r][next[r]])) {
                    write(orders_[r][next[r]++], static_cast<int>(r), replica);
                    moved = true;
                }
        }
        for (std::size_t r = 0; r < ranks; ++r)
            assert(next[r] == orders_[r].size() && "the schedule's orders fit together");
    }

    /// Slots of a replica that end with weight gradients. [pipeline ranks][stages]
    [[nodiscard]] std::vector<std::map<int, int>> gradients() const {
        std::vector<std::map<int, int>> out(orders_.size());
        for (std::size_t r = 0; r < orders_.size(); ++r)
            for (const Slot& slot : orders_[r])
                if (slot.kind != sim::UnitKind::forward &&
                    slot.kind != sim::UnitKind::input_gradient)
                    ++out[r][slot.backward.stage];
        return out;
    }

    static bool has_forward(const Slot& s) {
        return s.kind == sim::UnitKind::forward || s.kind == sim::UnitKind::pair;
    }
    static bool has_backward(const Slot& s) {
        return s.kind != sim::UnitKind::forward && s.kind != sim::UnitKind::weight_gradient;
    }
    [[nodiscard]] int last_stage() const { return static_cast<int>(stages_.size()) - 1; }

    [[nodiscard]] bool ready(const Slot& slot) const {
        if (has_forward(slot) && slot.forward.stage > 0 &&
            !arrived_.count(key(kForward, slot.forward)))
            return false;
        return !has_backward(slot) || slot.backward.stage == last_stage() ||
               arrived_.count(key(kBackward, slot.backward)) > 0;
    }

    static Arrival key(int direction, const Part& p) {
        return {direction, p.stage, p.flow, p.micro_batch};
    }

    Step input(int direction, const Part& part) const {
        const auto at = arrived_.find(key(direction, part));
        return at == arrived_.end() ? Step{} : at->second;
    }

    void write(const Slot& slot, int rank, int replica) {
        Group& g = b_.group(rank, replica);
        const Outputs out =
            write_slot(b_, *weights_, g, slot, stages_,
                       has_forward(slot) ? input(kForward, slot.forward) : Step{},
                       has_backward(slot) ? input(kBackward, slot.backward) : Step{});
        if (has_forward(slot) && slot.forward.stage < last_stage())
            pass_on(g, kForward, slot.forward, slot.forward.stage + 1, out.forward);
        if (has_backward(slot) && slot.backward.stage > 0)
            pass_on(g, kBackward, slot.backward, slot.backward.stage - 1, out.backward);
    }

    void pass_on(Group& from, int direction, Part part, int stage, Step output) {
        const int peer = b_.s.schedule->rank_of(b_.s.shape(), stage, part.flow);
        part.stage = stage;
        if (peer != from.rank) {
            output =
                b_.send(from, b_.group(peer, from.replica), direction, part.micro_batch, {output});
            if (!b_.s.overlap.pp) from.hold = output;
        }
        arrived_[key(direction, part)] = output;
    }

    Builder& b_;
    std::vector<std::vector<Item>> stages_;
    std::vector<std::vector<Slot>> orders_;  // [pipeline ranks]
    std::map<Arrival, Step> arrived_;
    std::unique_ptr<WeightTraffic> weights_;
};

}  // namespace

Lowered lower(const Scenario& scenario, bool fold) {
    Builder builder{scenario, fold};
    Program{builder}.write();
    return std::move(builder.out);
}

}  // namespace moesim::scenarios
