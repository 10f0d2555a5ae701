#include "models/hf/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "sim/input.hpp"
#include "sim/json.hpp"

namespace moesim::models::hf {
namespace {

constexpr double kMost = 100'000'000;

std::shared_ptr<const sim::Node> parse(std::string text, std::string name) {
    sim::Source source{std::move(name), std::move(text), {}};
    return std::make_shared<const sim::Node>(
        sim::parse_json(std::make_shared<const sim::Source>(std::move(source))));
}

std::string shown(const sim::Node& node) {
    if (node.as<sim::Members>() != nullptr) return "an object";
    if (node.as<sim::Items>() != nullptr) return "a list";
    if (node.as<sim::Date>() != nullptr) return "null";
    if (const bool* flag = node.as<bool>()) return *flag ? "true" : "false";
    return sim::describe(node);
}

[[noreturn]] void fail_type(std::string_view at, const sim::Node& found,
                            std::string_view expected) {
    throw sim::InputError{sim::complaint(
        found.place, at, fmt::format("expected {}, found {}", expected, shown(found)), "")};
}

/// A whole number from `least` on. `at`: its JSON pointer.
int whole(std::string_view at, const sim::Node& node, int least) {
    constexpr std::string_view kExpected = "a whole number";
    double value = 0;
    if (const auto* integer = node.as<std::int64_t>())
        value = static_cast<double>(*integer);
    else if (const double* real = node.as<double>();
             real && std::isfinite(*real) && std::floor(*real) == *real)
        value = *real;
    else
        fail_type(at, node, kExpected);
    const auto out_of_range = [&](const std::string& what) {
        throw sim::InputError{sim::complaint(node.place, at, what, "")};
    };
    if (value < least) out_of_range(fmt::format("{:g} is less than {}", value, least));
    if (value > kMost)
        out_of_range(fmt::format("{:g} is more than any model has; at most {:.0f}", value, kMost));
    return static_cast<int>(value);
}

}  // namespace

Config::Config(std::shared_ptr<const sim::Node> root, const sim::Node* node, std::string path,
               std::shared_ptr<std::vector<std::string>> filled)
    : root_{std::move(root)}, node_{node}, path_{std::move(path)}, filled_{std::move(filled)} {
    if (node_->as<sim::Members>() == nullptr)
        throw sim::InputError{sim::complaint(
            node_->place, path_, fmt::format("expected an object, found {}", shown(*node_)), "")};
}

Config Config::from_file(const std::string& path) {
    return from_text(sim::read_text_file(path), path);
}

Config Config::from_text(std::string text, std::string name) {
    auto root = parse(std::move(text), std::move(name));
    const sim::Node* const node = root.get();
    return {std::move(root), node, "", std::make_shared<std::vector<std::string>>()};
}

const sim::Node* Config::find(std::string_view key) const {
    for (const sim::Member& member : *node_->as<sim::Members>())
        if (member.key == key)
            return member.value.as<sim::Date>() == nullptr ? &member.value : nullptr;
    return nullptr;
}

const sim::Node& Config::need(std::string_view key, std::string_view expected) const {
    if (const sim::Node* node = find(key)) return *node;
    std::vector<std::string> known;
    for (const sim::Member& member : *node_->as<sim::Members>()) known.push_back(member.key);
    const std::string near = sim::nearest(key, known);
    throw sim::InputError{sim::complaint(
        node_->place, sim::pointer(path_, key), fmt::format("missing; expected {}", expected),
        near.empty() ? "" : fmt::format("there is '{}'; is it meant?", near))};
}

void Config::fail(std::string_view key, std::string_view what, std::string_view hint) const {
    const sim::Node* const node = key.empty() ? nullptr : find(key);
    throw sim::InputError{sim::complaint(
        node == nullptr ? node_->place : node->place,
        key.empty() ? path_.empty() ? "/" : path_ : sim::pointer(path_, key), what, hint)};
}

bool Config::has(std::string_view key) const { return find(key) != nullptr; }

bool Config::is_null(std::string_view key) const {
    const auto& members = *node_->as<sim::Members>();
    return std::any_of(members.begin(), members.end(), [&](const sim::Member& member) {
        return member.key == key && member.value.as<sim::Date>() != nullptr;
    });
}

bool Config::is_object(std::string_view key) const {
    const sim::Node* const node = find(key);
    return node != nullptr && node->as<sim::Members>() != nullptr;
}

bool Config::is_list(std::string_view key) const {
    const sim::Node* const node = find(key);
    return node != nullptr && node->as<sim::Items>() != nullptr;
}

Config Config::object(std::string_view key) const {
    return {root_, &need(key, "an object"), sim::pointer(path_, key), filled_};
}

Config Config::empty() const {
    auto nothing = std::make_shared<const sim::Node>(sim::Node{node_->place, sim::Members{}});
    const sim::Node* const node = nothing.get();
    return {std::move(nothing), node, path_, filled_};
}

template <class T>
T Config::fill(std::string_view key, T value, std::string_view shown_value) const {
    std::string text = fmt::format("{} = {}", key, shown_value);
    if (std::find(filled_->begin(), filled_->end(), text) == filled_->end())
        filled_->push_back(std::move(text));
    return value;
}

int Config::size(std::string_view key, int least) const {
    return whole(sim::pointer(path_, key), need(key, "a whole number"), least);
}

int Config::size(std::string_view key, int least, int fallback) const {
    const sim::Node* const node = find(key);
    return node != nullptr ? whole(sim::pointer(path_, key), *node, least)
                           : fill(key, fallback, fmt::format("{}", fallback));
}

int Config::any_size(const std::vector<std::string>& keys, int least) const {
    for (const std::string& key : keys)
        if (has(key)) return size(key, least);
    return size(keys.front(), least);
}

int Config::any_size(const std::vector<std::string>& keys, int least, int fallback) const {
    for (const std::string& key : keys)
        if (has(key)) return size(key, least);
    return size(keys.front(), least, fallback);
}

bool Config::flag(std::string_view key, bool fallback) const {
    const sim::Node* const node = find(key);
    if (node == nullptr) return fill(key, fallback, fallback ? "true" : "false");
    if (node->as<bool>() == nullptr) fail_type(sim::pointer(path_, key), *node, "true or false");
    return *node->as<bool>();
}

std::string Config::text(std::string_view key) const {
    const sim::Node& node = need(key, "a string");
    if (node.as<std::string>() == nullptr) fail_type(sim::pointer(path_, key), node, "a string");
    return *node.as<std::string>();
}

std::string Config::text(std::string_view key, std::string_view fallback) const {
    if (has(key)) return text(key);
    return fill(key, std::string{fallback}, fmt::format("\"{}\"", fallback));
}

std::string Config::item_pointer(std::string_view key, std::size_t i) const {
    return fmt::format("{}/{}", sim::pointer(path_, key), i);
}

std::vector<std::string> Config::texts(std::string_view key) const {
    const sim::Node* const node = find(key);
    if (node == nullptr) return {};
    if (node->as<sim::Items>() == nullptr)
        fail_type(sim::pointer(path_, key), *node, "a list of strings");
    std::vector<std::string> out;
    for (const sim::Node& item : *node->as<sim::Items>()) {
        if (item.as<std::string>() == nullptr)
            fail_type(item_pointer(key, out.size()), item, "a string");
        out.push_back(*item.as<std::string>());
    }
    return out;
}

std::vector<int> Config::sizes(std::string_view key, int least) const {
    const sim::Node* const node = find(key);
    if (node == nullptr) return {};
    if (node->as<sim::Items>() == nullptr)
        fail_type(sim::pointer(path_, key), *node, "a list of whole numbers");
    std::vector<int> out;
    for (const sim::Node& item : *node->as<sim::Items>())
        out.push_back(whole(item_pointer(key, out.size()), item, least));
    return out;
}

}  // namespace moesim::models::hf
