#include "topologies/kernel.hpp"

namespace moesim::topologies {

std::string_view name(Evidence evidence) {
    switch (evidence) {
        case Evidence::measured:
            return "measured";
        case Evidence::interpolated:
            return "interpolated";
        case Evidence::extrapolated:
            return "extrapolated";
        case Evidence::roofline:
            return "roofline";
    }
    return "roofline";
}

std::string_view name(Pass pass) {
    switch (pass) {
        case Pass::forward:
            return "forward";
        case Pass::input_gradient:
            return "input_gradient";
        case Pass::weight_gradient:
            return "weight_gradient";
    }
    return "forward";
}

}  // namespace moesim::topologies
