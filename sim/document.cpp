#include "sim/document.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim::sim {
namespace {

const Node* node_of(const Document& document, const Scope& scope) {
    if (scope.parent == nullptr) return &document.root;
    const Node* node = node_of(document, *scope.parent);
    for (const std::string& step : scope.steps)
        if (node != nullptr) node = find_child(*node, step);
    return node;
}

Node& make_node_of(Document& document, const Scope& scope, const Place& place) {
    if (scope.parent == nullptr) return document.root;
    Node* node = &make_node_of(document, *scope.parent, place);
    for (const std::string& step : scope.steps) node = &make_child(*node, step, place, scope.path);
    return *node;
}

}  // namespace

Node& make_child(Node& node, const std::string& key, const Place& place, std::string_view path) {
    if (Node* child = find_child(node, key)) return *child;
    if (const Items* items = node.as<Items>())
        throw InputError{
            complaint(place, path,
                      fmt::format("no entry '{}' in an array of {}", printable(key), items->size()),
                      "entries are counted from 0")};
    Members* members = node.as<Members>();
    if (members == nullptr)
        throw InputError{complaint(
            place, path, fmt::format("stands below {}, not below a table", describe(node)), "")};
    members->push_back({key, place, Node{place, Members{}}});
    return members->back().value;
}

const Node* Table::Impl::node() const { return node_of(*document, *scope); }

Node& Table::Impl::make_node(const Place& at) { return make_node_of(*document, *scope, at); }

const Node* Table::Impl::find(std::string_view key) const {
    const Node* table = node();
    return table == nullptr ? nullptr : find_child(*table, key);
}

Place Table::Impl::place() const {
    for (const Scope* at = scope; at != nullptr; at = at->parent)
        if (const Node* node = node_of(*document, *at)) return node->place;
    return document->root.place;
}

Declaration& Table::Impl::declare(std::string_view key, Declaration::What what) {
    auto& all = scope->declared;
    auto at = std::find_if(all.begin(), all.end(), [&](const auto& d) { return d->key == key; });
    if (at == all.end()) {
        all.push_back(std::make_unique<Declaration>());
        at = all.end() - 1;
        (*at)->key = key;
    }
    (*at)->what = what;
    return **at;
}

std::vector<std::string> Table::Impl::declared_keys() const {
    std::vector<std::string> keys;
    for (const auto& declared : scope->declared) keys.push_back(declared->key);
    return keys;
}

void Table::Impl::fail_at(const Place& at, std::string_view key, std::string_view what,
                          std::string_view hint) const {
    throw InputError{complaint(at, key, what, hint)};
}

void Table::Impl::fail_missing(std::string_view key, std::string_view expected,
                               std::string_view example) const {
    // A key that nobody asked for yet and that looks like this one is probably this one, misspelt.
    std::vector<std::string> unread;
    if (const Node* table = node(); table != nullptr && table->as<Members>() != nullptr)
        for (const Member& member : *table->as<Members>()) unread.push_back(member.key);
    const std::vector<std::string> known = declared_keys();
    std::erase_if(unread, [&](const std::string& name) {
        return std::find(known.begin(), known.end(), name) != known.end();
    });
    std::string hint;
    if (const std::string near = nearest(key, unread); !near.empty())
        hint = fmt::format("is '{}' in line {} meant to be '{}'?", near,
                           find_member(*node(), near)->key_place.line, key);
    else if (!example.empty())
        hint = fmt::format("add {} = {}", key, example);
    fail_at(place(), dotted(scope->path, key), fmt::format("missing; expected {}", expected), hint);
}

}  // namespace moesim::sim
