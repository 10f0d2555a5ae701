#include "sim/quantity_text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include "sim/input.hpp"
#include "sim/source.hpp"

namespace moesim::sim {
namespace {

/// value in SI = number * 10^decimal * factor
struct Unit {
    std::string_view name;
    int decimal;
    double factor;
};

constexpr std::array kBytes = {
    Unit{"B", 0, 1},        Unit{"kB", 3, 1},       Unit{"KB", 3, 1},       Unit{"MB", 6, 1},
    Unit{"GB", 9, 1},       Unit{"TB", 12, 1},      Unit{"PB", 15, 1},      Unit{"KiB", 0, 0x1p10},
    Unit{"MiB", 0, 0x1p20}, Unit{"GiB", 0, 0x1p30}, Unit{"TiB", 0, 0x1p40}, Unit{"PiB", 0, 0x1p50},
    Unit{"bit", 0, 0.125},  Unit{"kbit", 3, 0.125}, Unit{"Mbit", 6, 0.125}, Unit{"Gbit", 9, 0.125},
    Unit{"Tbit", 12, 0.125}};
constexpr std::array kTimes = {
    Unit{"ns", -9, 1},   Unit{"us", -6, 1},     Unit{"\u00b5s", -6, 1}, Unit{"\u03bcs", -6, 1},
    Unit{"ms", -3, 1},   Unit{"s", 0, 1},       Unit{"min", 0, 60},     Unit{"h", 0, 3600},
    Unit{"d", 0, 86400}, Unit{"day", 0, 86400}, Unit{"days", 0, 86400}};
constexpr std::array kFlops = {Unit{"FLOPS", 0, 1},   Unit{"MFLOPS", 6, 1},  Unit{"GFLOPS", 9, 1},
                               Unit{"TFLOPS", 12, 1}, Unit{"PFLOPS", 15, 1}, Unit{"EFLOPS", 18, 1}};
constexpr std::array kCounts = {Unit{"k", 3, 1}, Unit{"M", 6, 1}, Unit{"G", 9, 1},
                                Unit{"T", 12, 1}};

template <std::size_t N>
std::optional<Unit> find_unit(const std::array<Unit, N>& units, std::string_view name) {
    for (const Unit& unit : units)
        if (unit.name == name) return unit;
    return std::nullopt;
}

std::optional<Unit> unit_of(std::string_view name, Dimension dimension) {
    switch (dimension) {
        case Dimension::bytes:
            return find_unit(kBytes, name);
        case Dimension::time:
            return find_unit(kTimes, name);
        case Dimension::flops:
            return find_unit(kFlops, name);
        case Dimension::count:
            return find_unit(kCounts, name);
        case Dimension::rate:
            break;
    }
    if (!name.ends_with("/s")) return std::nullopt;
    return find_unit(kBytes, name.substr(0, name.size() - 2));
}

std::string_view units_of(Dimension dimension) {
    switch (dimension) {
        case Dimension::bytes:
            return "B kB MB GB TB PB KiB MiB GiB TiB PiB bit kbit Mbit Gbit Tbit";
        case Dimension::rate:
            return "B/s kB/s MB/s GB/s TB/s KiB/s MiB/s GiB/s TiB/s bit/s kbit/s Mbit/s Gbit/s "
                   "Tbit/s";
        case Dimension::time:
            return "ns us ms s min h d";
        case Dimension::flops:
            return "FLOPS MFLOPS GFLOPS TFLOPS PFLOPS EFLOPS";
        case Dimension::count:
            break;
    }
    return "k M G T";
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

struct Parts {
    std::string_view mantissa;  // "-15.36", empty when the text starts with no number
    int exponent = 0;           // of ten
    std::string_view unit;
};

/// "1.5e3 GB" as 1.5, 3, GB. An "e" without digits behind it belongs to the unit.
Parts split(std::string_view text) {
    std::size_t at = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
    std::size_t digits = 0, points = 0;
    for (; at < text.size(); ++at) {
        if (text[at] >= '0' && text[at] <= '9')
            ++digits;
        else if (text[at] != '.' || ++points > 1)
            break;
    }
    if (digits == 0) return {{}, 0, text};
    Parts parts{text.substr(0, at), 0, {}};
    if (parts.mantissa.front() == '+') parts.mantissa.remove_prefix(1);
    if (at + 1 < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        const char* first = text.data() + at + 1 + (text[at + 1] == '+' ? 1 : 0);
        const auto [end, error] = std::from_chars(first, text.data() + text.size(), parts.exponent);
        if (error == std::errc{}) at = static_cast<std::size_t>(end - text.data());
        if (error == std::errc::result_out_of_range) parts.mantissa = {};
    }
    parts.unit = trimmed(text.substr(at));
    return parts;
}

/// mantissa * 10^exponent, correctly rounded; nothing when out of the range of double.
std::optional<double> decimal(std::string_view mantissa, long exponent) {
    const std::string digits = fmt::format("{}e{}", mantissa, exponent);
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

/// What the user meant, where the unit is of another dimension or a usual shorthand.
std::string unit_hint(const Parts& parts, Dimension dimension) {
    const std::string_view unit = parts.unit;
    const auto number = decimal(parts.mantissa, parts.exponent);
    if (number && dimension == Dimension::rate && !unit.empty()) {
        std::string prefix{unit.substr(0, 1)};
        if (prefix == "K") prefix = "k";
        const bool known = std::string_view{"kMGT"}.find(prefix) != std::string_view::npos;
        const std::string_view rest = known ? unit.substr(1) : std::string_view{};
        if (known && rest == "B")
            return fmt::format("write \"{} {}/s\" (bytes) or \"{} {}bit/s\" (bits)", *number, unit,
                               *number * 8, prefix);
        if (known && (rest == "bps" || rest == "b/s"))
            return fmt::format("write \"{} {}bit/s\" (bits) or \"{} {}B/s\" (bytes)", *number,
                               prefix, *number, prefix);
        if (known && rest == "Bps") return fmt::format("write \"{} {}B/s\"", *number, prefix);
        if (find_unit(kBytes, unit)) return fmt::format("write \"{} {}/s\"", *number, unit);
    }
    if (number && dimension == Dimension::bytes && unit_of(unit, Dimension::rate))
        return fmt::format("write \"{} {}\"", *number, unit.substr(0, unit.size() - 2));
    if (number && dimension == Dimension::count && (unit == "B" || unit == "b"))
        return fmt::format("'B' may be bytes or billions; write \"{} G\" for billions", *number);
    if (unit.empty())
        return dimension == Dimension::count
                   ? fmt::format("write {} without quotes", parts.mantissa)
                   : fmt::format("add a unit, such as \"{}\"", example_of(dimension));

    std::vector<std::string> known;
    for (std::string_view all = units_of(dimension); !all.empty();) {
        const std::size_t end = std::min(all.find(' '), all.size());
        known.emplace_back(all.substr(0, end));
        all.remove_prefix(std::min(end + 1, all.size()));
    }
    const std::string near = nearest(unit, known);
    if (!near.empty()) return fmt::format("did you mean \"{}\"?", near);
    return fmt::format("known units: {}", units_of(dimension));
}

}  // namespace

std::string_view name_of(Dimension dimension) {
    switch (dimension) {
        case Dimension::bytes:
            return "a size";
        case Dimension::rate:
            return "a rate";
        case Dimension::time:
            return "a time";
        case Dimension::flops:
            return "a FLOP rate";
        case Dimension::count:
            break;
    }
    return "a whole number";
}

std::string_view example_of(Dimension dimension) {
    switch (dimension) {
        case Dimension::bytes:
            return "80 GiB";
        case Dimension::rate:
            return "450 GB/s";
        case Dimension::time:
            return "500 ns";
        case Dimension::flops:
            return "989 TFLOPS";
        case Dimension::count:
            break;
    }
    return "15.36 k";
}

ParsedQuantity parse_quantity(std::string_view text, Dimension dimension) {
    const auto refuse = [&](std::string what, std::string hint = {}) {
        return ParsedQuantity{std::nullopt, fmt::format("'{}' {}", printable(text, 60), what),
                              std::move(hint)};
    };
    const std::string not_it = fmt::format("is not {}", name_of(dimension));
    const Parts parts = split(trimmed(text));
    if (parts.mantissa.empty())
        return refuse(not_it, fmt::format("write a number and a unit, such as \"{}\"",
                                          example_of(dimension)));
    const auto unit = unit_of(parts.unit, dimension);
    if (!unit) return refuse(not_it, unit_hint(parts, dimension));

    const auto scaled = decimal(parts.mantissa, static_cast<long>(parts.exponent) + unit->decimal);
    if (!scaled || !std::isfinite(*scaled * unit->factor)) return refuse("is out of range");
    const double si = *scaled * unit->factor;
    if (std::signbit(si)) return refuse("is negative");
    if (si == 0 && (dimension == Dimension::rate || dimension == Dimension::flops))
        return refuse("is zero; it must be above zero");
    return {si, {}, {}};
}

}  // namespace moesim::sim
