#pragma once

#include <limits>

namespace moesim::topologies {

/// Measured points around a query: the mean of ln(measured / form), weighted by distance in log
/// space.
///
/// Weights fall with the fourth power of the distance, softened below 3 %, so that a hit outweighs
/// its neighbours without dividing by zero; the form itself counts as a point at a factor of e^1.5,
/// to which the answer returns far away from all points.
class NearestPoints {
public:
    /// shape2: squared distance of the shapes; state2: added where a point was taken in the other
    /// state (contended or alone) and had to be converted.
    void add(double shape2, double state2, double log_ratio, double error);

    [[nodiscard]] bool empty() const { return weight_ == 0; }
    [[nodiscard]] double ratio() const;
    [[nodiscard]] double distance() const;                       // of the nearest shape
    [[nodiscard]] bool converted() const { return converted_; }  // that nearest one
    [[nodiscard]] double error() const { return error_; }        // of that nearest one

private:
    double weight_ = 0, sum_ = 0;
    double nearest2_ = std::numeric_limits<double>::infinity();
    double shape2_ = std::numeric_limits<double>::infinity();
    double error_ = 0;
    bool converted_ = false;
};

}  // namespace moesim::topologies
