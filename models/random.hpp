#pragma once

#include <cstdint>
#include <initializer_list>
#include <numeric>
#include <utility>
#include <vector>

namespace moesim::models {

/// Random bits that are the same on every machine (the standard library's distributions are not).
/// Source: SplitMix64, G. Steele, D. Lea, C. Flood, OOPSLA 2014, figure 17 and section 5.
class Random {
public:
    /// A stream of its own for every list of numbers (seed, layer, ...).
    explicit Random(std::initializer_list<std::uint64_t> key) {
        for (const std::uint64_t part : key) state_ = mix(state_ + kStep) ^ mix(part + kStep);
    }
    std::uint64_t bits() { return mix(state_ += kStep); }
    /// Uniform in [0, 1).
    double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }
    /// Uniform in [0, n); its bias is below n / 2^32.
    std::uint32_t below(std::uint32_t n) {
        return static_cast<std::uint32_t>(((bits() >> 32) * n) >> 32);
    }
    /// A permutation of 0 .. n-1 (Fisher and Yates).
    std::vector<int> permutation(int n) {
        std::vector<int> out(static_cast<std::size_t>(n));
        std::iota(out.begin(), out.end(), 0);
        for (std::size_t i = out.size(); i > 1; --i)
            std::swap(out[i - 1], out[below(static_cast<std::uint32_t>(i))]);
        return out;
    }

private:
    static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15u;
    static constexpr std::uint64_t mix(std::uint64_t z) {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    std::uint64_t state_ = 0;
};

}  // namespace moesim::models
