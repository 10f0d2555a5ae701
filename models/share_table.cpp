#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>

#include "models/csv_rows.hpp"
#include "models/shares.hpp"
#include "sim/input.hpp"

namespace moesim::models {
namespace {

constexpr int kMostExperts = 10'000'000;
constexpr std::string_view kForms =
    "the first line names the columns: domain,layer,expert,share or layer,expert,count or "
    "layer_id,expert_id,count, with domain, model and selection as you have them";

/// Where each thing stands in a line.
struct Columns {
    std::optional<std::size_t> domain, model, selection, layer, expert, load;
};

Columns read_header(CsvRows& rows) {
    Columns out;
    const auto place = [&](std::string_view name) -> std::optional<std::size_t>* {
        if (name == "domain") return &out.domain;
        if (name == "model") return &out.model;
        if (name == "selection") return &out.selection;
        if (name == "layer" || name == "layer_id") return &out.layer;
        if (name == "expert" || name == "expert_id") return &out.expert;
        if (name == "share" || name == "count") return &out.load;
        return nullptr;
    };
    const auto missing = [&]() -> std::string_view {
        const auto& fields = rows.fields();
        const auto named = [&](std::string_view name) {
            return std::find(fields.begin(), fields.end(), name) != fields.end();
        };
        if (!named("layer") && !named("layer_id")) return "layer";
        if (!named("expert") && !named("expert_id")) return "expert";
        if (!named("share") && !named("count")) return "share";
        return {};
    };
    for (std::size_t c = 0; c < rows.fields().size(); ++c) {
        auto* const at = place(rows.text(c));
        if (at == nullptr)
            rows.fail(c, fmt::format("the header says '{}'", rows.text(c).substr(0, 40)), kForms,
                      missing());
        if (at->has_value()) rows.fail(c, fmt::format("'{}' is given twice", rows.text(c)), kForms);
        *at = c;
    }
    if (!missing().empty())
        rows.fail(rows.fields().size() - 1, "no such column", kForms, missing());
    rows.set_header();
    return out;
}

using Vector = std::map<int, double>;                        // expert -> load
using Cells = std::map<int, std::map<std::size_t, Vector>>;  // layer -> domain -> vector

/// What the wanted rows hold, and what was left aside.
struct Contents {
    std::vector<std::string> domains;
    Cells cells;
    std::set<std::string, std::less<>> models, selections;
};

void add_row(const CsvRows& rows, const Columns& columns, Contents& to) {
    const std::string name{columns.domain ? rows.text(*columns.domain) : "all"};
    if (name.empty()) rows.fail(*columns.domain, "empty", "name the kind of text");
    const auto known = std::find(to.domains.begin(), to.domains.end(), name);
    const auto domain = static_cast<std::size_t>(known - to.domains.begin());
    if (known == to.domains.end()) to.domains.push_back(name);
    const int layer = static_cast<int>(rows.whole(*columns.layer, 0, 1'000'000));
    const int expert = static_cast<int>(rows.whole(*columns.expert, 0, kMostExperts));
    const double load = rows.number(*columns.load, 0, 1e300);
    if (!to.cells[layer][domain].emplace(expert, load).second)
        rows.fail(*columns.expert,
                  fmt::format("expert {} of layer {} is given twice for {}", expert, layer, name),
                  "one line per expert");
}

/// True when the row is of the model and selection asked for.
bool wanted(const CsvRows& rows, const Columns& columns, const ShareFilter& filter, Contents& to) {
    bool out = true;
    if (columns.model) {
        const std::string_view name = rows.text(*columns.model);
        if (!to.models.contains(name)) to.models.emplace(name);
        out = filter.model.empty() || name == filter.model;
    }
    if (columns.selection) {
        const std::string_view name = rows.text(*columns.selection);
        if (!to.selections.contains(name)) to.selections.emplace(name);
        out = out && name == (filter.selection.empty() ? "topk" : filter.selection);
    }
    return out;
}

std::vector<double> complete(const std::filesystem::path& path, const std::string& where,
                             const Vector& given, std::size_t experts) {
    if (given.size() != experts || given.rbegin()->first + 1 != static_cast<int>(experts))
        fail_file(path, fmt::format("{}: {} experts up to number {}, others have 0 to {}", where,
                                    given.size(), given.rbegin()->first, experts - 1));
    std::vector<double> out;
    for (const auto& [expert, share] : given) out.push_back(share);
    const double sum = std::accumulate(out.begin(), out.end(), 0.0);
    if (!(sum > 0) || !std::isfinite(sum))
        fail_file(path, where + ": shares do not sum to a number");
    for (double& share : out) share /= sum;
    return out;
}

void check_filter(const std::filesystem::path& path, const ShareFilter& filter,
                  const Contents& found) {
    if (filter.model.empty() && found.models.size() > 1)
        fail_file(path, fmt::format("loads of {} models", found.models.size()),
                  fmt::format("file_model = one of {}", fmt::join(found.models, ", ")));
    if (!found.cells.empty()) return;
    if (found.models.empty() && found.selections.empty()) fail_file(path, "no loads in it");
    fail_file(path, "no loads of the model and selection asked for",
              fmt::format("models: {}; selections: {}", fmt::join(found.models, ", "),
                          fmt::join(found.selections, ", ")));
}

}  // namespace

ShareTable read_share_table(const std::filesystem::path& path, const ShareFilter& filter) {
    const std::string text = sim::read_text_file(path);
    CsvRows rows{path, text};
    if (!rows.next()) fail_file(path, "no loads in it");
    const Columns columns = read_header(rows);
    Contents found;
    while (rows.next())
        if (wanted(rows, columns, filter, found)) {
            // of two models the same cells would seem to be given twice
            if (filter.model.empty() && found.models.size() > 1) continue;
            add_row(rows, columns, found);
        }
    check_filter(path, filter, found);
    ShareTable table;
    table.domains = found.domains;
    const std::size_t experts = found.cells.begin()->second.begin()->second.size();
    for (const auto& [layer, domains] : found.cells) {
        table.layers.push_back(layer);
        auto& vectors = table.share.emplace_back();
        for (std::size_t d = 0; d < table.domains.size(); ++d) {
            const std::string where = fmt::format("domain {}, layer {}", table.domains[d], layer);
            const auto given = domains.find(d);
            if (given == domains.end()) fail_file(path, where + ": missing");
            vectors.push_back(complete(path, where, given->second, experts));
        }
    }
    return table;
}

}  // namespace moesim::models
