#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sim/source.hpp"

namespace moesim::sim {

struct Node;
struct Member;
using Items = std::vector<Node>;
using Members = std::vector<Member>;
struct Date {};  // a date or time of TOML, which no key of this program takes

/// A TOML value with its place, which survives copying. Parser types stay in toml_parser.cpp.
struct Node {
    Place place;
    std::variant<Members, Items, std::string, std::int64_t, double, bool, Date> value;

    template <class T>
    [[nodiscard]] const T* as() const {
        return std::get_if<T>(&value);
    }
    template <class T>
    [[nodiscard]] T* as() {
        return std::get_if<T>(&value);
    }
};

struct Member {
    std::string key;
    Place key_place;
    Node value;
};

/// The document as a tree, members in the order in which they are written.
/// Throws InputError for what is not TOML, for NUL bytes and for absurd nesting.
Node parse_toml(const std::shared_ptr<const Source>& source);

/// The member of a table, or the element of an array when `key` is an index; null when absent.
const Member* find_member(const Node& node, std::string_view key);
const Node* find_child(const Node& node, std::string_view key);
Node* find_child(Node& node, std::string_view key);

/// What a node is, for "found ...": `integer 450`, `string "abc"`, `an array`.
std::string describe(const Node& node);

/// `key` behind `path`, quoted when it is not a bare key: "topology.wire".
std::string dotted(std::string_view path, std::string_view key);

}  // namespace moesim::sim
