#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "models/csv_rows.hpp"
#include "models/shares.hpp"
#include "sim/input.hpp"

namespace moesim::models {
namespace {

using nlohmann::json;
using Counts = LayerCounts;

/// A value and its JSON pointer; complains about itself.
struct At {
    const std::filesystem::path& path;
    const json& value;
    std::string pointer;

    [[noreturn]] void fail(const std::string& what, const std::string& help = {}) const {
        fail_file(path, fmt::format("{}: {}", pointer.empty() ? "/" : pointer, what), help);
    }
    [[nodiscard]] std::size_t size() const {
        if (!value.is_array()) fail(fmt::format("expected a list, found {}", value.type_name()));
        if (value.empty()) fail("an empty list");
        return value.size();
    }
    [[nodiscard]] At operator[](std::size_t i) const {
        return {path, value[i], fmt::format("{}/{}", pointer, i)};
    }
    [[nodiscard]] At operator[](const char* key) const {
        if (!value.is_object() || !value.contains(key)) fail(fmt::format("no '{}' in it", key));
        return {path, value[key], fmt::format("{}/{}", pointer, key)};
    }
    [[nodiscard]] double count() const {
        if (!value.is_number()) fail(fmt::format("expected a count, found {}", value.type_name()));
        const double out = value.get<double>();
        if (!(out >= 0) || !std::isfinite(out))
            fail(fmt::format("{} is not a count", value.dump()));
        return out;
    }
};

void add(const At& experts, int layer, Counts& to) {
    auto& sum = to[layer];
    const std::size_t size = experts.size();
    if (sum.empty()) sum.resize(size);
    if (sum.size() != size)
        experts.fail(fmt::format("{} experts, before it were {}", size, sum.size()));
    for (std::size_t e = 0; e < size; ++e) sum[e] += experts[e].count();
}

void add_layers(const At& layers, Counts& to) {
    if (!to.empty() && layers.size() != to.size())
        layers.fail(fmt::format("{} layers, before it were {}", layers.size(), to.size()));
    for (std::size_t l = 0; l < layers.size(); ++l) add(layers[l], static_cast<int>(l), to);
}

Counts logical_counts(const At& counts) {
    Counts out;
    if (counts.size() > 0 && counts[std::size_t{0}].size() > 0 &&
        !counts[std::size_t{0}][std::size_t{0}].value.is_array()) {
        add_layers(counts, out);
    } else {
        for (std::size_t step = 0; step < counts.size(); ++step) add_layers(counts[step], out);
    }
    return out;
}

/// Which expert each slot of a layer holds.
std::vector<std::size_t> read_map(const At& slots) {
    std::vector<std::size_t> out;
    for (std::size_t s = 0; s < slots.size(); ++s) {
        const double expert = slots[s].count();
        if (expert != std::floor(expert) || expert > 1e6) slots[s].fail("not an expert's number");
        out.push_back(static_cast<std::size_t>(expert));
    }
    return out;
}

Counts per_pass_counts(const At& root) {
    const At map = root["last_physical_to_logical_map"];
    const At records = root["records"];
    Counts slots, out;
    for (std::size_t r = 0; r < records.size(); ++r)
        add_layers(records[r]["global_physical_count"], slots);
    if (map.size() != slots.size())
        map.fail(fmt::format("{} layers, the counts have {}", map.size(), slots.size()));
    for (const auto& [layer, counts] : slots) {
        const At row = map[static_cast<std::size_t>(layer)];
        const auto expert = read_map(row);
        if (expert.size() != counts.size())
            row.fail(fmt::format("{} slots, the counts have {}", expert.size(), counts.size()));
        auto& sum = out[layer];
        sum.resize(1 + *std::max_element(expert.begin(), expert.end()));
        for (std::size_t s = 0; s < counts.size(); ++s) sum[expert[s]] += counts[s];
    }
    return out;
}

/// The layer of a key such as "50_3"; -1 when it is none.
int layer_of_key(const std::string& key) {
    int iteration = 0, layer = 0;
    const char* const end = key.data() + key.size();
    const auto first = std::from_chars(key.data(), end, iteration);
    if (first.ec != std::errc{} || first.ptr == end || *first.ptr != '_') return -1;
    const auto second = std::from_chars(first.ptr + 1, end, layer);
    return second.ec == std::errc{} && second.ptr == end && layer >= 0 ? layer : -1;
}

Counts keyed_counts(const At& root) {
    Counts out;
    for (const auto& [key, value] : root.value.items()) {
        const int layer = layer_of_key(key);
        if (layer < 0) continue;
        add({root.path, value, "/" + key}, layer, out);
    }
    if (out.empty())
        root.fail("no expert counts in it",
                  "logical_count, records with global_physical_count, or lists named "
                  "<iteration>_<layer>; a meta_info.json of TensorRT-LLM has none");
    return out;
}

json parse(const std::filesystem::path& path, const std::string& text) {
    try {
        return json::parse(text);
    } catch (const json::parse_error& error) {
        const std::size_t at = std::min(error.byte > 0 ? error.byte - 1 : 0, text.size());
        const auto begin = text.begin();
        const auto line = std::count(begin, begin + static_cast<std::ptrdiff_t>(at), '\n') + 1;
        const std::size_t newline = at > 0 ? text.rfind('\n', at - 1) : std::string::npos;
        const std::size_t column = newline == std::string::npos ? at + 1 : at - newline;
        const std::string_view what = error.what();
        const std::size_t detail = what.find(": ");
        throw sim::InputError(
            fmt::format("{}:{}:{}: error: not JSON: {}", path.string(), line, column,
                        detail == std::string_view::npos ? what : what.substr(detail + 2)));
    } catch (const json::exception&) {
        fail_file(path, "not JSON: a number that no double holds");
    }
}

/// Whether a layer has any choices.
bool counted(const Counts::value_type& layer) {
    return std::any_of(layer.second.begin(), layer.second.end(), [](double n) { return n > 0; });
}

}  // namespace

ShareTable read_share_json(const std::filesystem::path& path) {
    const std::string text = sim::read_text_file(path);
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) fail_file(path, "an empty file");
    const json document = parse(path, text);
    const At root{path, document, ""};
    if (!document.is_object()) root.fail("expected an object with expert counts");
    const Counts counts = document.contains("logical_count") ? logical_counts(root["logical_count"])
                          : document.contains("records")     ? per_pass_counts(root)
                                                             : keyed_counts(root);
    const Counts::const_iterator first = std::find_if(counts.begin(), counts.end(), counted);
    return share_table(path, first == counts.end() ? counts : Counts{first, counts.end()});
}

ShareTable share_table(const std::filesystem::path& path, const LayerCounts& counts) {
    ShareTable out;
    out.domains = {"all"};
    for (const auto& [layer, vector] : counts) {
        const double sum = std::accumulate(vector.begin(), vector.end(), 0.0);
        if (vector.size() != counts.begin()->second.size())
            fail_file(path,
                      fmt::format("layer {}: {} experts, layer {} has {}", layer, vector.size(),
                                  counts.begin()->first, counts.begin()->second.size()));
        if (!(sum > 0) || !std::isfinite(sum))
            fail_file(path, fmt::format("layer {}: counts do not sum to a number", layer));
        out.layers.push_back(layer);
        auto& share = out.share.emplace_back(1, vector)[0];
        for (double& s : share) s /= sum;
    }
    return out;
}

}  // namespace moesim::models
