#include "sim/node.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace moesim::sim {

const Member* find_member(const Node& node, std::string_view key) {
    const Members* members = node.as<Members>();
    if (members == nullptr) return nullptr;
    const auto at = std::find_if(members->begin(), members->end(),
                                 [&](const Member& member) { return member.key == key; });
    return at == members->end() ? nullptr : &*at;
}

const Node* find_child(const Node& node, std::string_view key) {
    if (const Items* items = node.as<Items>()) {
        std::size_t index = 0;
        const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
        const bool whole = error == std::errc{} && end == key.data() + key.size();
        return whole && index < items->size() ? &(*items)[index] : nullptr;
    }
    const Member* member = find_member(node, key);
    return member == nullptr ? nullptr : &member->value;
}

Node* find_child(Node& node, std::string_view key) {
    return const_cast<Node*>(find_child(std::as_const(node), key));
}

std::string describe(const Node& node) {
    if (const auto* text = node.as<std::string>())
        return fmt::format("string \"{}\"", printable(*text, 60));
    if (const auto* integer = node.as<std::int64_t>()) return fmt::format("integer {}", *integer);
    if (const auto* real = node.as<double>()) return fmt::format("float {}", *real);
    if (const auto* flag = node.as<bool>()) return fmt::format("boolean {}", *flag);
    if (node.as<Items>() != nullptr) return "an array";
    return node.as<Members>() != nullptr ? "a table" : "a date";
}

std::string dotted(std::string_view path, std::string_view key) {
    const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               c == '-' || c == '_';
    });
    const std::string name = bare ? std::string{key} : fmt::format("\"{}\"", printable(key));
    return path.empty() ? name : fmt::format("{}.{}", path, name);
}

}  // namespace moesim::sim
