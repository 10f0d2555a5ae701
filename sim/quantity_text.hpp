#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace moesim::sim {

/// What a text such as "450 GB/s" may be asked for.
enum class Dimension { bytes, rate, time, flops, count };

/// "a rate", "a size", ...; and an example as one writes it in TOML: "450 GB/s".
std::string_view name_of(Dimension dimension);
std::string_view example_of(Dimension dimension);

/// A quantity in SI (bytes, bytes/s, seconds, FLOP/s; a plain number for counts), or what is wrong
/// with it: a sentence, and a hint that may be empty.
struct ParsedQuantity {
    std::optional<double> si;
    std::string what;
    std::string hint;
};

/// Units: B kB MB GB TB PB, KiB MiB GiB TiB PiB, bit kbit Mbit Gbit Tbit; these with "/s"; ns us ms
/// s min h d; FLOPS to EFLOPS; k M G T for counts, where "B" is refused (bytes or billions?).
/// Decimal units are read as one decimal number, so "15.36 k" is 15360 exactly.
/// Rates and FLOPS are above zero; sizes, times and counts at least zero; all are finite.
ParsedQuantity parse_quantity(std::string_view text, Dimension dimension);

}  // namespace moesim::sim
