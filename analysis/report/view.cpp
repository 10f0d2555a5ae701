#include <fmt/format.h>

#include <cmath>

#include "analysis/report/html.hpp"
#include "analysis/report/sections.hpp"

namespace moesim::analysis {

using nlohmann::ordered_json;

Axis View::time_axis() const {
    return step_time() >= 2 ? Axis{"seconds", 1, step_time()}
                            : Axis{"milliseconds", 1e-3, step_time()};
}

std::string View::time_unit() const { return step_time() >= 2 ? "s" : "ms"; }

std::string View::time_text(double seconds) const {
    return fmt::format("{:.3f}", step_time() >= 2 ? seconds : seconds * 1e3);
}

std::string spoken(std::string_view key) {
    std::string out{key};
    for (char& c : out)
        if (c == '_') c = ' ';
    return out;
}

std::string colour_class(std::string_view key) {
    std::string out = "c-" + std::string{key};
    for (char& c : out)
        if (c == '_' || c == ' ') c = '-';
    return out;
}

std::vector<Segment> segments_of(const ordered_json& parts) {
    std::vector<Segment> out;
    for (const auto& [key, value] : parts.items())
        out.push_back({colour_class(key), spoken(key), value.get<double>()});
    return out;
}

namespace {
void flatten(const ordered_json& at, const std::string& path,
             std::vector<std::pair<std::string, ordered_json>>& out) {
    if (!at.is_object() || at.empty()) {
        out.emplace_back(path, at);
        return;
    }
    for (const auto& [key, value] : at.items())
        flatten(value, path.empty() ? key : path + "." + key, out);
}
}  // namespace

std::vector<std::pair<std::string, ordered_json>> flattened(const ordered_json& object) {
    std::vector<std::pair<std::string, ordered_json>> out;
    if (!object.empty()) flatten(object, "", out);
    return out;
}

std::string leaf_text(const ordered_json& leaf) {
    if (leaf.is_string()) return leaf.get<std::string>();
    if (leaf.is_number_integer() && std::abs(leaf.get<double>()) >= 1e4)
        return html::count(leaf.get<double>());
    if (leaf.is_number_float()) return fmt::format("{:.6g}", leaf.get<double>());
    if (!leaf.is_array()) return leaf.dump();
    std::string out;
    for (const ordered_json& item : leaf) out += (out.empty() ? "" : ", ") + leaf_text(item);
    return "[" + out + "]";
}

}  // namespace moesim::analysis
