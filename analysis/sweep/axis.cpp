#include "analysis/sweep/axis.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace moesim::analysis {
namespace {

constexpr std::size_t kMostValues = 10000;
constexpr std::int64_t kLargest = std::int64_t{1} << 53;
constexpr const char* kForms = "write key.path=a,b,c or a range: 1..8, 1..64*2, 4..16+4";

struct Part {
    std::size_t from, to;  // bytes of the text
};

/// The text from `at` on, cut at commas outside of brackets and quotes.
std::vector<Part> parts(const OptionText& in, std::size_t at) {
    std::vector<Part> out;
    std::size_t from = at;
    int depth = 0;
    char quote = 0;
    for (; at <= in.text.size(); ++at) {
        const char c = at < in.text.size() ? in.text[at] : '\0';
        if (at == in.text.size() || (c == ',' && depth == 0 && quote == 0)) {
            out.push_back({from, at});
            from = at + 1;
        } else if (quote != 0) {
            if (c == quote) quote = 0;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '[' || c == '{') {
            ++depth;
        } else if (c == ']' || c == '}') {
            --depth;
        }
    }
    return out;
}

bool whole(std::string_view text, std::int64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value <= kLargest &&
           value >= -kLargest;
}

/// The values of "first..last", "first..last*factor" or "first..last+step"; none when it is no
/// range at all.
std::vector<std::string> range(const OptionText& in, const Part& part) {
    const std::string_view text = std::string_view{in.text}.substr(part.from, part.to - part.from);
    const std::size_t dots = text.find("..");
    std::int64_t first = 0, last = 0, by = 1;
    if (dots == std::string_view::npos || !whole(text.substr(0, dots), first)) return {};
    std::string_view rest = text.substr(dots + 2);
    const std::size_t sign = rest.find_first_of("*+");
    const bool times = sign != std::string_view::npos && rest[sign] == '*';
    if (!whole(rest.substr(0, sign), last) ||
        (sign != std::string_view::npos && !whole(rest.substr(sign + 1), by)))
        in.refuse(part.from, part.to, fmt::format("'{}' is no range", text), kForms);
    if (last < first)
        in.refuse(part.from, part.to, fmt::format("{} comes before {}", last, first), kForms);
    if (by < (times ? 2 : 1) || (times && first < 1))
        in.refuse(part.from, part.to, fmt::format("'{}' never ends", text),
                  "a step of at least 1, or a factor of at least 2 from at least 1");
    std::vector<std::string> out;
    for (std::int64_t v = first; v <= last; v = times ? v * by : v + by) {
        out.push_back(std::to_string(v));
        if (out.size() > kMostValues)
            in.refuse(part.from, part.to, fmt::format("more than {} values", kMostValues));
        if (times && v > last / by) break;
    }
    return out;
}

}  // namespace

SweepAxis read_axis(const OptionText& in) {
    const std::size_t equals = in.text.find('=');
    if (equals == std::string::npos || equals == 0)
        in.refuse(0, in.text.size(), "no 'key.path=' in front of values", kForms);
    SweepAxis out{in.text.substr(0, equals), {}};
    for (const Part& part : parts(in, equals + 1)) {
        const std::string value = in.text.substr(part.from, part.to - part.from);
        if (value.find_first_not_of(" \t") == std::string::npos)
            in.refuse(part.from, part.to, "no value here", kForms);
        std::vector<std::string> values = range(in, part);
        if (values.empty()) values.push_back(value);
        out.values.insert(out.values.end(), values.begin(), values.end());
        if (out.values.size() > kMostValues)
            in.refuse(part.from, part.to, fmt::format("more than {} values", kMostValues));
    }
    return out;
}

nlohmann::ordered_json json_of(const std::string& value) {
    auto out = nlohmann::ordered_json::parse(value, nullptr, false);
    if (!out.is_discarded()) return out;
    if (value.size() >= 2 && value.front() == '\'' && value.back() == '\'')
        return value.substr(1, value.size() - 2);
    return value;
}

}  // namespace moesim::analysis
