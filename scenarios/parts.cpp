#include <algorithm>

#include "scenarios/builder.hpp"

namespace moesim::scenarios {

double Builder::Sent::seconds() const {
    double slowest = 0;
    for (const sim::Demand& d : demands) slowest = std::max(slowest, d.wire_seconds);
    return latency + slowest;
}

Builder::Beside Builder::side_by_side(Group& g, const Item& item, int micro_batch, bool backward,
                                      bool whole) {
    const auto& moe = *s.model.kinds[static_cast<std::size_t>(item.kind)].moe;
    const double parts = s.chunks, part = 1 / parts;
    double transfers = 0;
    if (s.parallel.expert > 1)
        for (const Exchange what :
             backward ? std::array{Exchange::combine_gradient, Exchange::dispatch_gradient}
                      : std::array{Exchange::dispatch, Exchange::combine})
            for (const Sent& sent : exchanged(g, item, what, 0, micro_batch, part))
                transfers += parts * sent.seconds();
    if (s.parallel.expert_tensor > 1)
        for (const bool in : {true, false})
            transfers +=
                parts * rung(g, expert_ring(g, item, micro_batch, backward, in, 0, part)).seconds();
    if (s.parallel.tensor > 1 && moe.shared_experts > 0 && !s.overlap.shared_expert)
        transfers += 2 * parts * rung(g, tensor_ring(item, micro_batch, 0, part, part)).seconds();

    const double rows = mean(load(item, micro_batch, g.replica, backward).rows);
    const auto seconds = [&](Segment segment) {
        const SegmentCost& cost = costs_->usual().get(item, segment, false);
        if (!cost.depends_on_rows()) return cost.seconds.front();
        return s.tiles ? cost.at(rows) : parts * cost.at(rows, part);
    };
    double compute = seconds(backward ? Segment::ffn_input : Segment::ffn_forward);
    if (whole) compute += seconds(Segment::ffn_weight);
    if (transfers <= 0 || compute <= 0) return {};
    return {std::min(1.0, transfers / compute), std::min(1.0, compute / transfers)};
}

}  // namespace moesim::scenarios
