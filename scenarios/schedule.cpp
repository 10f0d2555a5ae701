#include "scenarios/schedule.hpp"

#include <fmt/format.h>

namespace moesim::scenarios {

std::string to_string(const Slot& slot) {
    const auto part = [](char type, const Part& p) {
        return fmt::format("{}{}.{}", type, p.flow, p.micro_batch);
    };
    switch (slot.kind) {
        case sim::UnitKind::forward:
            return part('F', slot.forward);
        case sim::UnitKind::backward:
            return part('B', slot.backward);
        case sim::UnitKind::input_gradient:
            return part('I', slot.backward);
        case sim::UnitKind::weight_gradient:
            return part('W', slot.backward);
        case sim::UnitKind::pair:
            return part('F', slot.forward) + "&" + part('B', slot.backward);
        case sim::UnitKind::optimizer:
            break;
    }
    return "optimizer";
}

}  // namespace moesim::scenarios
