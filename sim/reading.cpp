#include "sim/reading.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::sim {
namespace {

constexpr std::int64_t kLargest = std::int64_t{1} << 53;  // up to here doubles are exact

}  // namespace

Wanted wanted(Dimension dimension) {
    return {std::string{name_of(dimension)}, fmt::format("\"{}\"", example_of(dimension))};
}

std::string read_text(const Reading& in) {
    if (const auto* text = in.node.as<std::string>()) return *text;
    in.fail_type(kText, in.node.as<Items>() || in.node.as<Members>() ? "" : "write it in quotes");
}

double read_quantity(const Reading& in, Dimension dimension) {
    const auto* text = in.node.as<std::string>();
    if (text == nullptr) {
        const std::string_view example = example_of(dimension);
        const std::string_view unit = example.substr(example.find(' ') + 1);
        std::string hint;
        if (const auto* integer = in.node.as<std::int64_t>())
            hint = fmt::format("write the unit, in quotes: \"{} {}\"", *integer, unit);
        if (const auto* real = in.node.as<double>(); real != nullptr && std::isfinite(*real))
            hint = fmt::format("write the unit, in quotes: \"{} {}\"", *real, unit);
        in.fail_type(wanted(dimension), hint);
    }
    const ParsedQuantity parsed = parse_quantity(*text, dimension);
    if (!parsed.si) in.fail(parsed.what, parsed.hint);
    return *parsed.si;
}

std::int64_t read_count(const Reading& in, std::int64_t least) {
    std::int64_t value = 0;
    if (const auto* integer = in.node.as<std::int64_t>()) {
        value = *integer;
        if (value > kLargest) in.fail(fmt::format("{} is larger than 2^53", value));
    } else if (const auto* text = in.node.as<std::string>()) {
        const double number = read_quantity(in, Dimension::count);
        if (number > static_cast<double>(kLargest))
            in.fail(fmt::format("'{}' is larger than 2^53", printable(*text, 60)));
        if (number != std::floor(number))
            in.fail(fmt::format("'{}' is not a whole number", printable(*text, 60)));
        value = static_cast<std::int64_t>(number);
    } else {
        const auto* real = in.node.as<double>();
        const bool whole = real != nullptr && std::abs(*real) <= static_cast<double>(kLargest) &&
                           *real == std::floor(*real);
        in.fail_type(kCount,
                     whole ? fmt::format("write {}", static_cast<std::int64_t>(*real)) : "");
    }
    if (value < least)
        in.fail(fmt::format("expected a whole number of at least {}, found {}", least, value));
    return value;
}

double read_number(const Reading& in, double least, double most) {
    double value = 0;
    if (const auto* integer = in.node.as<std::int64_t>()) {
        if (*integer > kLargest || *integer < -kLargest)
            in.fail(fmt::format("{} is beyond 2^53", *integer));
        value = static_cast<double>(*integer);
    } else if (const auto* real = in.node.as<double>()) {
        value = *real;
    } else {
        in.fail_type(kNumber);
    }
    if (!std::isfinite(value)) in.fail(fmt::format("expected a finite number, found {}", value));
    if (value >= least && value <= most) return value;
    const std::string range = std::isinf(most)    ? fmt::format("of at least {}", least)
                              : std::isinf(least) ? fmt::format("of at most {}", most)
                                                  : fmt::format("between {} and {}", least, most);
    in.fail(fmt::format("expected a number {}, found {}", range, value));
}

std::string read_choice(const Reading& in, const std::vector<std::string>& known) {
    std::string value = read_text(in);
    if (std::find(known.begin(), known.end(), value) != known.end()) return value;
    const std::string near = nearest(value, known);
    std::string hint = near.empty() ? "" : fmt::format("did you mean '{}'?\n", near);
    hint += fmt::format("known: {}", fmt::join(known, ", "));
    in.fail(fmt::format("unknown '{}'", printable(value, 60)), hint);
}

bool read_flag(const Reading& in) {
    if (const bool* flag = in.node.as<bool>()) return *flag;
    in.fail_type({"true or false", ""});
}

}  // namespace moesim::sim
