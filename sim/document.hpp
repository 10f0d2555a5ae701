#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "sim/input.hpp"
#include "sim/node.hpp"

namespace moesim::sim {

struct Scope;

/// A key that was read, in order of reading.
struct Declaration {
    enum class What { value, table, tables, ignored };
    std::string key;
    What what = What::value;
    nlohmann::ordered_json value;
    std::unique_ptr<Scope> table;
    std::vector<std::unique_ptr<Scope>> items;
};

/// What was read of one table. Its node is looked up when asked for, so that set() and merge()
/// reach tables that were handed out before.
struct Scope {
    Scope* parent = nullptr;
    std::vector<std::string> steps;  // from the parent: {"routing"} or {"variant", "0"}
    std::string path;                // dotted, from the document's root
    std::vector<std::unique_ptr<Declaration>> declared;
};

struct Document {
    std::shared_ptr<const Source> source;
    Node root;
    Scope scope;
};

struct Table::Impl {
    std::shared_ptr<Document> document;
    Scope* scope = nullptr;

    /// This table in the document; null when absent.
    [[nodiscard]] const Node* node() const;
    /// The same, created when absent (throws InputError when something else is in the way).
    [[nodiscard]] Node& make_node(const Place& place);
    /// The value at `key`; null when absent.
    [[nodiscard]] const Node* find(std::string_view key) const;
    /// Where this table stands, or the nearest one around it.
    [[nodiscard]] Place place() const;
    Declaration& declare(std::string_view key, Declaration::What what);
    [[nodiscard]] std::vector<std::string> declared_keys() const;

    [[noreturn]] void fail_at(const Place& place, std::string_view key, std::string_view what,
                              std::string_view hint = {}) const;
    /// `expected`: "a rate such as \"450 GB/s\""; `example`: "\"450 GB/s\"", may be empty.
    [[noreturn]] void fail_missing(std::string_view key, std::string_view expected,
                                   std::string_view example) const;
};

/// The child of `node` at `key`, created as an empty table when absent.
/// Throws InputError at `place` when `node` can have no such child.
Node& make_child(Node& node, const std::string& key, const Place& place, std::string_view path);

}  // namespace moesim::sim
