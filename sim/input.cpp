#include "sim/input.hpp"

#include <fmt/format.h>

#include "sim/document.hpp"

namespace moesim::sim {
namespace {

constexpr std::size_t kLargestToml = 64u << 20;

std::shared_ptr<Document> parse(std::string text, std::string name, std::filesystem::path file) {
    auto source =
        std::make_shared<const Source>(Source{std::move(name), std::move(text), std::move(file)});
    auto document = std::make_shared<Document>();
    document->source = source;
    document->root = parse_toml(source);
    return document;
}

void finish_scope(const Document& document, const Scope& scope, const Node& table);

void finish_member(const Document& document, const Scope& scope, const Member& member) {
    for (const auto& declared : scope.declared) {
        if (declared->key != member.key) continue;
        if (declared->what == Declaration::What::table)
            finish_scope(document, *declared->table, member.value);
        if (const Items* items = member.value.as<Items>();
            items != nullptr && declared->what == Declaration::What::tables)
            for (std::size_t i = 0; i < std::min(items->size(), declared->items.size()); ++i)
                finish_scope(document, *declared->items[i], (*items)[i]);
        return;
    }
    std::vector<std::string> known;
    for (const auto& declared : scope.declared) known.push_back(declared->key);
    const std::string near = nearest(member.key, known);
    std::string hint;
    if (!near.empty())
        hint = fmt::format("did you mean '{}'?", near);
    else if (!known.empty())
        hint = fmt::format("known keys: {}", fmt::join(known, ", "));
    throw InputError{
        complaint(member.key_place, dotted(scope.path, member.key), "unknown key", hint)};
}

void finish_scope(const Document& document, const Scope& scope, const Node& table) {
    if (const Members* members = table.as<Members>())
        for (const Member& member : *members) finish_member(document, scope, member);
}

nlohmann::ordered_json resolved_scope(const Scope& scope) {
    auto out = nlohmann::ordered_json::object();
    for (const auto& declared : scope.declared) {
        if (declared->what == Declaration::What::value) out[declared->key] = declared->value;
        if (declared->what == Declaration::What::table)
            out[declared->key] = resolved_scope(*declared->table);
        if (declared->what == Declaration::What::tables) {
            auto& items = out[declared->key] = nlohmann::ordered_json::array();
            for (const auto& item : declared->items) items.push_back(resolved_scope(*item));
        }
    }
    return out;
}

std::unique_ptr<Scope> child_scope(Scope& parent, std::vector<std::string> steps) {
    auto scope = std::make_unique<Scope>();
    scope->parent = &parent;
    scope->path = parent.path;
    for (const std::string& step : steps) scope->path = dotted(scope->path, step);
    scope->steps = std::move(steps);
    return scope;
}

}  // namespace

Table::Table(std::shared_ptr<Impl> impl) : impl_{std::move(impl)} {}

Table Table::from_file(const std::filesystem::path& path) {
    auto document = parse(read_text_file(path, kLargestToml), path.string(), path);
    return Table{std::make_shared<Impl>(Impl{document, &document->scope})};
}

Table Table::from_text(std::string text, std::string name) {
    std::filesystem::path file{name};
    auto document = parse(std::move(text), std::move(name), std::move(file));
    return Table{std::make_shared<Impl>(Impl{document, &document->scope})};
}

bool Table::has(std::string_view key) const { return impl_->find(key) != nullptr; }

std::vector<std::string> Table::keys() const {
    std::vector<std::string> out;
    if (const Node* node = impl_->node(); node != nullptr && node->as<Members>() != nullptr)
        for (const Member& member : *node->as<Members>()) out.push_back(member.key);
    return out;
}

bool Table::is_table(std::string_view key) const {
    const Node* node = impl_->find(key);
    return node != nullptr && node->as<Members>() != nullptr;
}

bool Table::is_text(std::string_view key) const {
    const Node* node = impl_->find(key);
    return node != nullptr && node->as<std::string>() != nullptr;
}

bool Table::is_array(std::string_view key) const {
    const Node* node = impl_->find(key);
    return node != nullptr && node->as<Items>() != nullptr;
}

Table Table::table(std::string_view key) {
    const Node* node = impl_->find(key);
    if (node != nullptr && node->as<Members>() == nullptr)
        impl_->fail_at(node->place, dotted(path(), key),
                       fmt::format("expected a table, found {}", describe(*node)));
    Declaration& declared = impl_->declare(key, Declaration::What::table);
    if (!declared.table) declared.table = child_scope(*impl_->scope, {std::string{key}});
    return Table{std::make_shared<Impl>(Impl{impl_->document, declared.table.get()})};
}

std::vector<Table> Table::tables(std::string_view key) {
    const Node* node = impl_->find(key);
    const Items* items = node == nullptr ? nullptr : node->as<Items>();
    const auto refuse = [&](const Node& found, const std::string& at) {
        impl_->fail_at(found.place, at,
                       fmt::format("expected an array of tables, found {}", describe(found)),
                       fmt::format("write [[{}]] above each table", dotted(path(), key)));
    };
    if (node != nullptr && items == nullptr) refuse(*node, dotted(path(), key));
    Declaration& declared = impl_->declare(key, Declaration::What::tables);
    std::vector<Table> out;
    for (std::size_t i = 0; items != nullptr && i < items->size(); ++i) {
        if (i == declared.items.size())
            declared.items.push_back(
                child_scope(*impl_->scope, {std::string{key}, std::to_string(i)}));
        Scope* scope = declared.items[i].get();
        if ((*items)[i].as<Members>() == nullptr) refuse((*items)[i], scope->path);
        out.push_back(Table{std::make_shared<Impl>(Impl{impl_->document, scope})});
    }
    return out;
}

void Table::ignore(std::string_view key) { impl_->declare(key, Declaration::What::ignored); }

void Table::finish() const {
    if (const Node* node = impl_->node()) finish_scope(*impl_->document, *impl_->scope, *node);
}

void Table::fail(std::string_view key, std::string_view what, std::string_view hint) const {
    try {
        refuse(key, what, hint);
    } catch (const InputError& e) {
        throw RuleError{e.what()};
    }
}

void Table::refuse(std::string_view key, std::string_view what, std::string_view hint) const {
    const Node* node = key.empty() ? nullptr : impl_->find(key);
    std::string name = key.empty() ? path() : dotted(path(), key);
    if (node == nullptr && key.find('.') != std::string_view::npos) {  // "sub.key"
        node = impl_->node();
        name = path();
        for (std::string_view rest = key; !rest.empty();) {
            const std::size_t end = std::min(rest.find('.'), rest.size());
            name = dotted(name, rest.substr(0, end));
            if (node != nullptr) node = find_child(*node, rest.substr(0, end));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
    }
    impl_->fail_at(node == nullptr ? impl_->place() : node->place, name, what, hint);
}

nlohmann::ordered_json Table::resolved() const { return resolved_scope(*impl_->scope); }

const std::filesystem::path& Table::file() const { return impl_->document->source->file; }

const std::string& Table::source_text() const { return impl_->document->source->text; }

const std::string& Table::path() const { return impl_->scope->path; }

}  // namespace moesim::sim
