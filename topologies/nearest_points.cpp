#include "topologies/nearest_points.hpp"

#include <cmath>

namespace moesim::topologies {
namespace {

constexpr double kSoft2 = 0.03 * 0.03;
constexpr double kForm2 = 1.5 * 1.5;

double weight(double distance2) { return 1 / ((distance2 + kSoft2) * (distance2 + kSoft2)); }

}  // namespace

void NearestPoints::add(double shape2, double state2, double log_ratio, double error) {
    const double distance2 = shape2 + state2;
    weight_ += weight(distance2);
    sum_ += weight(distance2) * log_ratio;
    if (distance2 >= nearest2_) return;
    nearest2_ = distance2;
    shape2_ = shape2;
    converted_ = state2 > 0;
    error_ = error;
}

double NearestPoints::ratio() const { return std::exp(sum_ / (weight_ + weight(kForm2))); }

double NearestPoints::distance() const { return std::sqrt(shape2_); }

}  // namespace moesim::topologies
