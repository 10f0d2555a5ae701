#pragma once

#include <compare>

namespace moesim::sim {

/// A number with its dimension: bytes^B seconds^S flop^F, in SI inside.
///
/// Built explicitly and read by si(), so Bytes / BytesPerSecond is Seconds and Bytes + Seconds
/// does not compile. A dimensionless result is a plain double.
template <int B, int S, int F>
class Quantity {
public:
    constexpr Quantity() = default;
    constexpr explicit Quantity(double si) : si_{si} {}
    [[nodiscard]] constexpr double si() const { return si_; }

    constexpr auto operator<=>(const Quantity&) const = default;
    constexpr Quantity operator+(Quantity o) const { return Quantity{si_ + o.si_}; }
    constexpr Quantity operator-(Quantity o) const { return Quantity{si_ - o.si_}; }
    constexpr Quantity operator*(double f) const { return Quantity{si_ * f}; }
    constexpr Quantity operator/(double f) const { return Quantity{si_ / f}; }
    constexpr Quantity& operator+=(Quantity o) { return si_ += o.si_, *this; }
    constexpr Quantity& operator*=(double f) { return si_ *= f, *this; }

private:
    double si_ = 0;
};

template <int B, int S, int F>
constexpr Quantity<B, S, F> operator*(double f, Quantity<B, S, F> q) {
    return q * f;
}

template <int B, int S, int F, int B2, int S2, int F2>
constexpr auto operator/(Quantity<B, S, F> a, Quantity<B2, S2, F2> b) {
    if constexpr (B == B2 && S == S2 && F == F2)
        return a.si() / b.si();
    else
        return Quantity<B - B2, S - S2, F - F2>{a.si() / b.si()};
}

template <int B, int S, int F, int B2, int S2, int F2>
constexpr auto operator*(Quantity<B, S, F> a, Quantity<B2, S2, F2> b) {
    if constexpr (B + B2 == 0 && S + S2 == 0 && F + F2 == 0)
        return a.si() * b.si();
    else
        return Quantity<B + B2, S + S2, F + F2>{a.si() * b.si()};
}

using Bytes = Quantity<1, 0, 0>;
using Seconds = Quantity<0, 1, 0>;
using Flop = Quantity<0, 0, 1>;
using BytesPerSecond = Quantity<1, -1, 0>;
using FlopPerSecond = Quantity<0, -1, 1>;

}  // namespace moesim::sim

namespace moesim {
using sim::Bytes;
using sim::BytesPerSecond;
using sim::Flop;
using sim::FlopPerSecond;
using sim::Seconds;
}  // namespace moesim
