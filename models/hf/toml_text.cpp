#include "models/hf/toml_text.hpp"

#include <fmt/format.h>

namespace moesim::models::hf {
namespace {

using Json = nlohmann::ordered_json;

bool is_tables(const Json& value) {
    return value.is_array() && !value.empty() && value.front().is_object();
}

bool is_bare(const std::string& key) {
    return !key.empty() && key.find_first_not_of(
                               "abcdefghijklmnopqrstuvwxyz"
                               "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == std::string::npos;
}
/// JSON writes strings as TOML's basic strings are written.
std::string quoted(const std::string& text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}
std::string written(const std::string& key) { return is_bare(key) ? key : quoted(key); }

std::string value_text(const Json& value) {
    if (value.is_string()) return quoted(value.get<std::string>());
    if (!value.is_array()) return value.dump();
    std::string out = "[";
    for (std::size_t i = 0; i < value.size(); ++i)
        out += (i > 0 ? ", " : "") + value_text(value[i]);
    return out + "]";
}

void write(const Json& table, const std::string& path, std::string& out) {
    const auto inside = [&](const std::string& key) {
        return path.empty() ? written(key) : fmt::format("{}.{}", path, written(key));
    };
    for (const auto& [key, value] : table.items())
        if (!value.is_object() && !is_tables(value))
            out += fmt::format("{} = {}\n", written(key), value_text(value));
    for (const auto& [key, value] : table.items()) {
        if (value.is_object()) {
            out += fmt::format("\n[{}]\n", inside(key));
            write(value, inside(key), out);
        } else if (is_tables(value)) {
            for (const Json& item : value) {
                out += fmt::format("\n[[{}]]\n", inside(key));
                write(item, inside(key), out);
            }
        }
    }
}

}  // namespace

std::string toml_text(const Json& tree) {
    std::string out;
    write(tree, "", out);
    return out;
}

}  // namespace moesim::models::hf
