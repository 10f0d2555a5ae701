#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

namespace moesim::microbench {

// Number formats bit by bit, for references on the host. Kernels use the device's own conversions.

/// BF16 of a float: the upper half, rounded to nearest, ties to even.
inline std::uint16_t bf16_bits(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, 4);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fff;
    bits += 0x7fffu + ((bits >> 16) & 1u);
    return static_cast<std::uint16_t>(bits >> 16);
}

inline float bf16_value(std::uint16_t half) {
    const std::uint32_t bits = static_cast<std::uint32_t>(half) << 16;
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}

/// E4M3 without infinities: sign, 4 exponent bits biased by 7, 3 mantissa bits; largest 448; 0x7f
/// NaN.
inline float e4m3_value(std::uint8_t bits) {
    const int exponent = (bits >> 3) & 15, mantissa = bits & 7;
    if (exponent == 15 && mantissa == 7) return NAN;
    const float size = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                                     : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
    return (bits & 0x80) != 0 ? -size : size;
}

/// Nearest E4M3, ties to even; what is too large becomes 448 (as cvt.satfinite does).
inline std::uint8_t e4m3_bits(float value) {
    const std::uint8_t sign = std::signbit(value) ? 0x80 : 0;
    const float size = std::fabs(value);
    if (std::isnan(value)) return 0x7f;
    if (size == 0) return sign;
    if (size >= 448) return static_cast<std::uint8_t>(sign | 0x7e);
    int exponent = 0;
    std::frexp(size, &exponent);  // size = [0.5, 1) 2^exponent, so its leading bit is exponent - 1
    const int step = exponent - 1 < -6 ? -9 : exponent - 4;  // of the last mantissa bit
    const int whole = static_cast<int>(std::nearbyint(std::ldexp(size, -step)));  // ties to even
    const int code = step == -9 ? whole : (step + 9) * 8 + whole;
    return static_cast<std::uint8_t>(sign | (code > 0x7e ? 0x7e : code));
}

}  // namespace moesim::microbench
