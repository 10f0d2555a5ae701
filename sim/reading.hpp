#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/document.hpp"
#include "sim/quantity_text.hpp"

namespace moesim::sim {

/// What a reader wants, for messages: "a rate", "\"450 GB/s\"".
struct Wanted {
    std::string name;
    std::string example;

    [[nodiscard]] std::string expected() const {
        return example.empty() ? name : fmt::format("{} such as {}", name, example);
    }
};

Wanted wanted(Dimension dimension);
inline const Wanted kText{"a string", "\"name\""};
inline const Wanted kCount{"a whole number", "8"};
inline const Wanted kNumber{"a number", "0.5"};

/// A value on its way out of the document: where it stands, and how it is called in messages.
struct Reading {
    const Table::Impl& table;
    const Node& node;
    std::string name;

    [[noreturn]] void fail(std::string_view what, std::string_view hint = {}) const {
        table.fail_at(node.place, name, what, hint);
    }
    [[noreturn]] void fail_type(const Wanted& want, std::string_view hint = {}) const {
        fail(fmt::format("expected {}, found {}", want.expected(), describe(node)), hint);
    }
    [[nodiscard]] Reading item(std::size_t i) const {
        return {table, (*node.as<Items>())[i], dotted(name, std::to_string(i))};
    }
};

/// What each kind of key makes of its value; InputError at the value when it is of another type or
/// out of range. Units and ranges as in sim/input.hpp.
std::string read_text(const Reading& in);
std::string read_choice(const Reading& in, const std::vector<std::string>& known);
bool read_flag(const Reading& in);
std::int64_t read_count(const Reading& in, std::int64_t least);
double read_number(const Reading& in, double least, double most);
double read_quantity(const Reading& in, Dimension dimension);  // SI

/// The entries of an array, each read with `read(entry)`.
template <class T, class Read>
std::vector<T> read_list(const Reading& in, const Wanted& want, const Read& read) {
    const Items* items = in.node.as<Items>();
    if (items == nullptr) in.fail_type(want);
    std::vector<T> out;
    out.reserve(items->size());
    for (std::size_t i = 0; i < items->size(); ++i) out.push_back(read(in.item(i)));
    return out;
}

}  // namespace moesim::sim
