#include "scenarios/placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

namespace moesim::scenarios {
namespace {

template <class... Args>
void demand(bool kept, fmt::format_string<Args...> rule, Args&&... args) {
    if (!kept) throw std::logic_error(fmt::format(rule, std::forward<Args>(args)...));
}

/// The layer's three tables tell the same story, and every expert has a part in it.
void check_layer(const Placement& placement, std::size_t layer, std::size_t experts,
                 std::size_t slots) {
    const std::vector<int>& held = placement.phy2log[layer];
    const auto& of = placement.log2phy[layer];
    const std::vector<int>& count = placement.logcnt[layer];
    demand(held.size() == slots, "layer {} fills {} of {} slots", layer, held.size(), slots);
    demand(of.size() == experts && count.size() == experts,
           "layer {} lists slots of {} and counts of {} experts, not of {}", layer, of.size(),
           count.size(), experts);
    for (std::size_t slot = 0; slot < slots; ++slot)
        demand(held[slot] >= 0 && held[slot] < static_cast<int>(experts),
               "slot {} of layer {} holds expert {} of {}", slot, layer, held[slot], experts);
    std::size_t listed = 0;
    std::vector<bool> seen(slots);
    for (std::size_t e = 0; e < experts; ++e) {
        demand(!of[e].empty(), "expert {} of layer {} has no slot", e, layer);
        demand(count[e] == static_cast<int>(of[e].size()),
               "expert {} of layer {} has {} slots but a count of {}", e, layer, of[e].size(),
               count[e]);
        for (const int slot : of[e]) {
            demand(slot >= 0 && slot < static_cast<int>(slots),
                   "expert {} of layer {} is in slot {} of {}", e, layer, slot, slots);
            const auto s = static_cast<std::size_t>(slot);
            demand(held[s] == static_cast<int>(e) && !seen[s],
                   "slot {} of layer {} is listed for expert {} and holds {}", slot, layer, e,
                   held[s]);
            seen[s] = true;
        }
        listed += of[e].size();
    }
    demand(listed == slots, "layer {} lists {} of {} slots", layer, listed, slots);
}

}  // namespace

Placement Placement::from_slots(std::vector<std::vector<int>> phy2log, int experts) {
    Placement out;
    const auto n = static_cast<std::size_t>(experts);
    for (const std::vector<int>& held : phy2log) {
        std::vector<std::vector<int>> of(n);
        for (std::size_t slot = 0; slot < held.size(); ++slot)
            of.at(static_cast<std::size_t>(held[slot])).push_back(static_cast<int>(slot));
        std::vector<int> count(n);
        std::transform(of.begin(), of.end(), count.begin(),
                       [](const auto& slots) { return static_cast<int>(slots.size()); });
        out.log2phy.push_back(std::move(of));
        out.logcnt.push_back(std::move(count));
    }
    out.phy2log = std::move(phy2log);
    return out;
}

std::vector<double> Placement::gpu_load(int layer, const std::vector<double>& weight,
                                        int gpus) const {
    const auto l = static_cast<std::size_t>(layer);
    const std::vector<int>& held = phy2log.at(l);
    const std::size_t per_gpu = held.size() / static_cast<std::size_t>(gpus);
    std::vector<double> out(static_cast<std::size_t>(gpus));
    for (std::size_t slot = 0; slot < held.size(); ++slot) {
        const auto e = static_cast<std::size_t>(held[slot]);
        out.at(slot / per_gpu) += weight.at(e) / logcnt[l].at(e);
    }
    return out;
}

void check(const Placement& placement, const PlacementInput& input) {
    const std::size_t layers = input.weight.size();
    demand(placement.phy2log.size() == layers && placement.log2phy.size() == layers &&
               placement.logcnt.size() == layers,
           "the placement has {} layers, the loads have {}", placement.phy2log.size(), layers);
    demand(input.gpus > 0 && input.slots % input.gpus == 0, "{} slots on {} GPUs", input.slots,
           input.gpus);
    for (std::size_t l = 0; l < layers; ++l)
        check_layer(placement, l, input.weight[l].size(), static_cast<std::size_t>(input.slots));
}

}  // namespace moesim::scenarios
