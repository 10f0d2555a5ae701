#include "sim/paths.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sim/input.hpp"
#include "sim/source.hpp"

namespace moesim::sim {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path>& added() {
    static std::vector<fs::path> paths;
    return paths;
}

std::vector<fs::path> search_path() {
    std::vector<fs::path> all = added();
    all.emplace_back(MOESIM_SOURCE_DIR);
    all.emplace_back(MOESIM_DATA_DIR);
    return all;
}

bool is_folder(const fs::path& path) {
    std::error_code ignored;
    return fs::is_directory(path, ignored);
}

/// True for files, and for what can be read like one (pipes).
bool is_readable(const fs::path& path) {
    std::error_code ignored;
    const auto status = fs::status(path, ignored);
    return fs::exists(status) && !fs::is_directory(status);
}

/// A file, or what is to be said about its absence.
struct Found {
    fs::path file;
    std::string what;
    std::string hint;
};

/// The nearest name, or all that there are; and where they were looked for.
std::string unknown_hint(const std::string& kind, const std::string& name,
                         const std::string& extension) {
    const std::vector<std::string> known = list_data(kind, extension);
    const std::string near = nearest(name, known);
    std::string hint;
    if (!near.empty())
        hint = fmt::format("did you mean '{}'?\n", near);
    else if (!known.empty())
        hint = fmt::format("known: {}\n", fmt::join(known, ", "));
    std::vector<std::string> folders;
    for (const fs::path& root : search_path())
        if (is_folder(root / kind)) folders.push_back((root / kind).string());
    return hint + (folders.empty() ? fmt::format("no folder {} on the search path", kind)
                                   : fmt::format("searched {}", fmt::join(folders, ", ")));
}

Found look_up(const std::string& kind, const std::string& name, const std::string& extension) {
    if (name.empty()) return {{}, "an empty name", {}};
    const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
    if (std::any_of(name.begin(), name.end(), control))
        return {{}, fmt::format("'{}' is not a name", printable(name)), {}};

    if (name.find('/') != std::string::npos || name.ends_with(extension)) {
        if (is_readable(name)) return {name, {}, {}};
        if (is_folder(name))
            return {{}, fmt::format("'{}' is a directory, not a file", printable(name)), {}};
        return {{}, fmt::format("no file '{}'", printable(name)), {}};
    }
    for (const fs::path& root : search_path())
        if (fs::path file = root / kind / (name + extension); is_readable(file))
            return {std::move(file), {}, {}};
    // A file of another format, such as a config.json in the current folder.
    if (name.find('.') != std::string::npos && is_readable(name)) return {name, {}, {}};
    return {{}, fmt::format("no '{}' here", printable(name)), unknown_hint(kind, name, extension)};
}

}  // namespace

void add_search_path(const fs::path& dir) {
    if (!is_folder(dir))
        throw InputError{fmt::format("error: --path: no folder '{}'", printable(dir.string()))};
    added().push_back(dir);
}

fs::path find_data(const std::string& what, const std::string& kind, const std::string& name,
                   const std::string& extension) {
    Found found = look_up(kind, name, extension);
    if (found.what.empty()) return std::move(found.file);
    std::string text = fmt::format("error: {}: {}", what, found.what);
    for (std::string_view rest = found.hint; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        text += fmt::format("\nhelp: {}", rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    throw InputError{text};
}

fs::path find_data(Table& in, std::string_view key, const std::string& kind,
                   const std::string& extension) {
    Found found = look_up(kind, in.text(key), extension);
    if (!found.what.empty()) in.refuse(key, found.what, found.hint);
    return std::move(found.file);
}

std::vector<std::string> list_data(const std::string& kind, const std::string& extension) {
    std::set<std::string> names;
    for (const fs::path& root : search_path()) {
        std::error_code failed;
        for (fs::directory_iterator at{root / kind, failed}, end; !failed && at != end;
             at.increment(failed)) {
            const std::string file = at->path().filename().string();
            if (file.size() > extension.size() && file.ends_with(extension) && is_readable(*at))
                names.insert(file.substr(0, file.size() - extension.size()));
        }
    }
    return {names.begin(), names.end()};
}

std::vector<std::string> list_folders(const std::string& kind) {
    std::set<std::string> names;
    for (const fs::path& root : search_path()) {
        std::error_code failed;
        for (fs::directory_iterator at{root / kind, failed}, end; !failed && at != end;
             at.increment(failed))
            if (is_folder(at->path())) names.insert(at->path().filename().string());
    }
    return {names.begin(), names.end()};
}

}  // namespace moesim::sim
