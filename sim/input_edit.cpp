#include <fmt/format.h>

#include <algorithm>

#include "sim/document.hpp"

namespace moesim::sim {
namespace {

/// One "key.path=value" taken apart.
struct Assignment {
    std::shared_ptr<const Source> source;
    std::vector<std::pair<std::string, Place>> keys;
    Node value;
};

Place span(const std::shared_ptr<const Source>& source, std::size_t from, std::size_t to) {
    const auto column = [&](std::size_t offset) {
        std::size_t count = 1;
        for (std::size_t i = 0; i < offset; ++i)
            if ((static_cast<unsigned char>(source->text[i]) & 0xc0) != 0x80) ++count;
        return count;
    };
    return {source, 1, column(from), 1, column(to)};
}

[[noreturn]] void refuse(const std::shared_ptr<const Source>& source, std::size_t from,
                         std::string_view what) {
    throw InputError{complaint(span(source, from, source->text.size()), "", what,
                               "write key.path=value, such as topology.wire=\"450 GB/s\"")};
}

/// Offset of the first '=' outside quotes; npos when there is none.
std::size_t equals_sign(std::string_view text) {
    char quote = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (quote != 0) {
            if (text[i] == '\\' && quote == '"')
                ++i;
            else if (text[i] == quote)
                quote = 0;
        } else if (text[i] == '"' || text[i] == '\'') {
            quote = text[i];
        } else if (text[i] == '=') {
            return i;
        }
    }
    return std::string_view::npos;
}

void refuse_unprintable(const std::shared_ptr<const Source>& source) {
    std::string_view rest = source->text;
    while (!rest.empty()) {
        const std::size_t offset = source->text.size() - rest.size(), size = utf8_length(rest);
        const auto first = static_cast<unsigned char>(rest[0]);
        if (size == 0) refuse(source, offset, "not valid UTF-8");
        if ((first < 0x20 && first != '\t') || first == 0x7f)
            refuse(source, offset, "a control character");
        rest.remove_prefix(size);
    }
}

/// The value as TOML, else as a bare string. What opens a string, an array or a table and does not
/// parse is a slip, not a bare string.
Node value_of(const std::shared_ptr<const Source>& source, std::size_t equals,
              const std::vector<std::pair<std::string, Place>>& keys) {
    const std::string& text = source->text;
    std::size_t from = text.find_first_not_of(" \t", equals + 1);
    if (from == std::string::npos) from = text.size();
    const std::size_t to = std::max(from, text.find_last_not_of(" \t") + 1);
    const bool opened =
        from < to && std::string_view{"\"'[{"}.find(text[from]) != std::string::npos;
    try {
        const Node root = parse_toml(source);
        const Node* leaf = &root;
        for (const auto& [key, place] : keys) {
            leaf = find_child(*leaf, key);
            if (leaf == nullptr) break;
        }
        if (leaf != nullptr && leaf->as<Date>() == nullptr) return *leaf;
    } catch (const InputError&) {
        if (opened) throw;
    }
    return {span(source, from, to), text.substr(from, to - from)};
}

Assignment take_apart(const std::string& text, const std::filesystem::path& file) {
    Assignment out{std::make_shared<const Source>(Source{"--set", text, file}), {}, {}};
    refuse_unprintable(out.source);
    const std::size_t equals = equals_sign(text);
    if (equals == std::string::npos) refuse(out.source, 0, "no '=' in this assignment");
    if (text.find_first_not_of(" \t") == equals) refuse(out.source, 0, "no key before '='");

    // The key part alone, with a number for a value, gives the keys whatever the value is.
    Node root;
    const std::string key = text.substr(0, equals);
    try {
        root = parse_toml(std::make_shared<const Source>(Source{"", key + "=0", {}}));
    } catch (const InputError&) {
        refuse(out.source, 0, fmt::format("'{}' is not a key", printable(key)));
    }
    if (root.as<Members>()->empty())  // a comment
        refuse(out.source, 0, fmt::format("'{}' is not a key", printable(key)));
    for (const Node* at = &root; at->as<Members>() != nullptr;) {
        const Member& member = at->as<Members>()->front();
        Place place = member.key_place;
        place.source = out.source;
        out.keys.emplace_back(member.key, place);
        at = &member.value;
    }
    out.value = value_of(out.source, equals, out.keys);
    return out;
}

void put(Node& table, const std::string& key, const Place& key_place, Node value,
         std::string_view path) {
    Node& child = make_child(table, key, key_place, path);
    child = std::move(value);
    if (Members* members = table.as<Members>())
        for (Member& member : *members)
            if (member.key == key) member.key_place = key_place;
}

void merge_member(Node& table, const Member& from, const std::string& path) {
    const std::string name = dotted(path, from.key);
    Node* to = find_child(table, from.key);
    if (to == nullptr || to->as<Members>() == nullptr || from.value.as<Members>() == nullptr) {
        put(table, from.key, from.key_place, from.value, name);
        return;
    }
    for (const Member& member : *from.value.as<Members>()) merge_member(*to, member, name);
}

}  // namespace

void Table::set(const std::string& assignment) {
    Assignment in = take_apart(assignment, file());
    std::string name = path();
    Node* at = &impl_->make_node(in.keys.front().second);
    for (std::size_t i = 0; i + 1 < in.keys.size(); ++i) {
        name = dotted(name, in.keys[i].first);
        at = &make_child(*at, in.keys[i].first, in.keys[i].second, name);
    }
    put(*at, in.keys.back().first, in.keys.back().second, std::move(in.value),
        dotted(name, in.keys.back().first));
}

void Table::merge(const Table& overlay, const std::vector<std::string>& skip) {
    const Node* node = overlay.impl_->node();
    if (node == nullptr || node->as<Members>() == nullptr) return;
    const Members members = *node->as<Members>();  // a copy: the overlay may lie inside this table
    Node& to = impl_->make_node(node->place);
    const std::vector<std::string> read = overlay.impl_->declared_keys();
    for (const Member& member : members) {
        if (std::find(skip.begin(), skip.end(), member.key) != skip.end()) continue;
        merge_member(to, member, path());
        // From here on the merged table answers for this key.
        if (std::find(read.begin(), read.end(), member.key) == read.end())
            overlay.impl_->declare(member.key, Declaration::What::ignored);
    }
}

Table Table::clone() const {
    auto document = std::make_shared<Document>();
    document->source = impl_->document->source;
    const Node* node = impl_->node();
    document->root = node == nullptr ? Node{impl_->place(), Members{}} : *node;
    document->scope.path = path();
    return Table{std::make_shared<Impl>(Impl{document, &document->scope})};
}

}  // namespace moesim::sim
