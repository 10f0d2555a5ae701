#include "sim/node.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/input.hpp"
#include "sim/toml_guard.hpp"

// toml++ 3.3 assumes in release builds what it asserts in others, and "[.a]" breaks it: undefined
// behaviour or abort(). So its assertions stay on here, and throw.
namespace {
struct BrokenAssertion {};
[[noreturn]] void break_assertion() { throw BrokenAssertion{}; }
}  // namespace
#undef NDEBUG
#define TOML_ASSERT(condition) static_cast<void>((condition) || (break_assertion(), false))
#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

namespace moesim::sim {
namespace {

constexpr int kDeepest = 64;  // tables and arrays inside one another

class Converter {
public:
    explicit Converter(std::shared_ptr<const Source> source) : source_{std::move(source)} {}

    Node node(const toml::node& from, int depth) const {
        Node to{place(from.source()), false};
        if (depth > kDeepest)
            throw InputError{
                complaint(to.place, "", fmt::format("nested deeper than {} levels", kDeepest), "")};
        if (const auto* table = from.as_table())
            to.value = members(*table, depth);
        else if (const auto* array = from.as_array())
            to.value = items(*array, depth);
        else if (const auto* text = from.as_string())
            to.value = text->get();
        else if (const auto* integer = from.as_integer())
            to.value = integer->get();
        else if (const auto* real = from.as_floating_point())
            to.value = real->get();
        else if (const auto* flag = from.as_boolean())
            to.value = flag->get();
        else
            to.value = Date{};
        return to;
    }

    Place place(const toml::source_region& region) const {
        return {source_, std::max(region.begin.line, 1u), std::max(region.begin.column, 1u),
                std::max(region.end.line, 1u), std::max(region.end.column, 1u)};
    }

private:
    Members members(const toml::table& table, int depth) const {
        Members out;
        for (const auto& [key, value] : table)
            out.push_back({std::string{key.str()}, place(key.source()), node(value, depth + 1)});
        // toml++ keeps keys sorted; messages and listings follow the file.
        std::stable_sort(out.begin(), out.end(), [](const Member& a, const Member& b) {
            return std::pair{a.key_place.line, a.key_place.column} <
                   std::pair{b.key_place.line, b.key_place.column};
        });
        return out;
    }

    Items items(const toml::array& array, int depth) const {
        Items out;
        out.reserve(array.size());
        for (const auto& value : array) out.push_back(node(value, depth + 1));
        return out;
    }

    std::shared_ptr<const Source> source_;
};

toml::table parse(std::string_view text) { return toml::parse(text, std::string_view{}); }

bool breaks_assertion(std::string_view text) {
    try {
        parse(text);
    } catch (const BrokenAssertion&) {
        return true;
    } catch (const toml::parse_error&) {
    }
    return false;
}

/// Where a text breaks an assertion, which does not say: the first line whose addition does.
/// The parser stops at its first complaint, so lines can be bisected.
Place broken_place(const std::shared_ptr<const Source>& source) {
    const std::string_view text = source->text;
    std::vector<std::size_t> ends;  // of lines
    for (std::size_t at = text.find('\n'); at != std::string_view::npos;
         at = text.find('\n', at + 1))
        ends.push_back(at);
    ends.push_back(text.size());
    const auto first = std::partition_point(ends.begin(), ends.end() - 1, [&](std::size_t end) {
        return !breaks_assertion(text.substr(0, end));
    });
    const std::size_t start = first == ends.begin() ? 0 : *(first - 1) + 1;
    const std::string_view line = text.substr(start, *first - start);
    const std::size_t column = std::min(line.find_first_not_of(" \t"), line.size()) + 1;
    const auto number = static_cast<std::size_t>(first - ends.begin()) + 1;
    return {source, number, column, number, line.size() + 1};
}

std::string without_prefix(std::string_view description) {
    if (description.starts_with("Error while parsing"))
        if (const auto colon = description.find(": "); colon != std::string_view::npos)
            description.remove_prefix(colon + 2);
    std::string out{description};
    if (out.starts_with("Encountered")) out[0] = 'e';
    return printable(out);
}

std::string syntax_hint(std::string_view what) {
    if (what.find("redefine") != std::string_view::npos) return "each key may stand only once";
    if (what.find("control characters") != std::string_view::npos)
        return "is the closing quote missing?";
    if (what.find("expected a comment or whitespace") != std::string_view::npos ||
        what.find("could not determine value type") != std::string_view::npos)
        return "text and quantities stand in quotes: wire = \"450 GB/s\"";
    return {};
}

}  // namespace

Node parse_toml(const std::shared_ptr<const Source>& source) {
    guard_parser(source);
    const Converter convert{source};
    try {
        Node root = convert.node(parse(source->text), 0);
        root.place = {source, 1, 1, 1, 1};
        return root;
    } catch (const toml::parse_error& error) {
        const std::string what = without_prefix(error.description());
        throw InputError{complaint(convert.place(error.source()), "", "not valid TOML: " + what,
                                   syntax_hint(what))};
    } catch (const BrokenAssertion&) {
        throw InputError{complaint(broken_place(source), "", "not valid TOML: expected a key", "")};
    }
}

}  // namespace moesim::sim
