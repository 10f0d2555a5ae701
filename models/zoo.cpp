#include "models/zoo.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>

#include "sim/paths.hpp"
#include "sim/source.hpp"

namespace moesim::models {
namespace {

namespace fs = std::filesystem;
constexpr const char* kZoo = "models/zoo";

/// `aliases` of a zoo file; each file is read once.
const std::vector<std::string>& aliases(const fs::path& file) {
    static std::map<fs::path, std::vector<std::string>> known;
    const auto at = known.find(file);
    if (at != known.end()) return at->second;
    return known[file] = sim::Table::from_file(file).texts("aliases");
}

std::string without_brackets(std::string name) {
    while (!name.empty() && name.back() == ' ') name.pop_back();
    const std::size_t open = name.rfind('(');
    return name.ends_with(')') && open != std::string::npos ? name.substr(0, open) : name;
}

/// The zoo's name for one of its spellings.
std::optional<std::string> zoo_name(const std::string& spelling) {
    const std::string wanted = normalised(spelling);
    if (wanted.empty()) return std::nullopt;
    const std::vector<std::string> zoo = sim::list_data(kZoo);
    for (const std::string& name : zoo)  // a file's own name comes before what others call theirs
        if (normalised(name) == wanted) return name;
    for (const std::string& name : zoo)
        for (const std::string& alias : names_of(name))
            if (normalised(alias) == wanted) return name;
    return std::nullopt;
}

bool is_path(const std::string& name) {
    return name.find('/') != std::string::npos || name.ends_with(".toml") ||
           name.ends_with(".json");
}

/// What to say of a name that nothing answers to; empty when sim::find_data says it better.
struct Complaint {
    std::string what, hint;
};
Complaint complaint(const std::string& name) {
    if (name.ends_with(".json")) return {fmt::format("no file '{}'", name), {}};
    if (is_path(name)) return {};
    const std::vector<std::string> zoo = sim::list_data(kZoo);
    std::map<std::string, std::string> known;  // normalised -> as written, the zoo's own name first
    for (const std::string& model : zoo)
        for (const std::string& spelling : names_of(model))
            known.emplace(normalised(spelling), spelling);
    std::vector<std::string> words;
    for (const auto& [word, spelling] : known) words.push_back(word);
    const std::string near = sim::nearest(normalised(name), words);
    if (near.empty() || std::find(zoo.begin(), zoo.end(), known[near]) != zoo.end()) return {};
    return {fmt::format("no '{}' here", name), fmt::format("did you mean '{}'?", known[near])};
}

/// The file, or nothing.
std::optional<fs::path> look_up(const std::string& name) {
    std::error_code ignored;
    if (is_path(name)) {
        if (fs::is_directory(name, ignored)) {
            const fs::path inside = fs::path{name} / "config.json";
            if (fs::exists(inside, ignored)) return inside;
        } else if (fs::exists(name, ignored)) {
            return name;
        }
        if (name.ends_with(".toml") || name.ends_with(".json")) return std::nullopt;
    }
    const std::string bare = without_brackets(name);
    const std::size_t slash = bare.rfind('/');
    const std::string last = slash == std::string::npos ? bare : bare.substr(slash + 1);
    for (const std::string& spelling : {name, bare, last})
        if (const auto found = zoo_name(spelling)) return sim::find_data("model", kZoo, *found);
    return std::nullopt;
}

bool is_printable(const std::string& name) { return !name.empty() && sim::printable(name) == name; }

}  // namespace

std::string normalised(std::string_view name) {
    std::string out;
    for (const char c : name)
        if (const auto u = static_cast<unsigned char>(c); std::isalnum(u) != 0)
            out += static_cast<char>(std::tolower(u));
    return out;
}

std::vector<std::string> names_of(const std::string& zoo_name) {
    std::vector<std::string> out{zoo_name};
    const auto& more = aliases(sim::find_data("model", kZoo, zoo_name));
    out.insert(out.end(), more.begin(), more.end());
    return out;
}

fs::path find_model(const std::string& name) {
    if (is_printable(name)) {
        if (auto found = look_up(name)) return *found;
        if (const auto [what, hint] = complaint(name); !what.empty())
            throw sim::InputError{
                fmt::format("error: model: {}{}{}", what, hint.empty() ? "" : "\nhelp: ", hint)};
    }
    return sim::find_data("model", kZoo, name);
}

fs::path find_model(sim::Table& in, std::string_view key) {
    const std::string name = in.text(key);
    if (is_printable(name)) {
        if (auto found = look_up(name)) return *found;
        if (const auto [what, hint] = complaint(name); !what.empty()) in.fail(key, what, hint);
    }
    return sim::find_data(in, key, kZoo);
}

}  // namespace moesim::models
