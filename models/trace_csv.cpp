#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "models/csv_rows.hpp"
#include "models/trace.hpp"
#include "sim/input.hpp"

namespace moesim::models {
namespace {

constexpr std::string_view kForm = "token,request,phase,token_index,layer,e0,e1,..";
constexpr std::size_t kLargestTrace = std::size_t{4} << 30;
constexpr std::size_t kAbsent = ~std::size_t{0};

struct Columns {
    std::optional<std::size_t> token, request, phase, index, layer;
    std::vector<std::size_t> expert;  // [top_k]
};

Columns read_header(CsvRows& rows, const RoutingShape& shape) {
    Columns out;
    std::map<std::string_view, std::optional<std::size_t>*> known{{"token", &out.token},
                                                                  {"request", &out.request},
                                                                  {"phase", &out.phase},
                                                                  {"token_index", &out.index},
                                                                  {"layer", &out.layer}};
    for (std::size_t c = 0; c < rows.fields().size(); ++c) {
        const std::string_view name = rows.text(c);
        if (const auto at = known.find(name); at != known.end() && !at->second->has_value())
            *at->second = c;
        else if (name == fmt::format("e{}", out.expert.size()))
            out.expert.push_back(c);
        else
            rows.fail(c, fmt::format("the header says '{}'", name.substr(0, 40)), kForm);
    }
    for (const std::string_view name : {"token", "layer"})
        if (!known[name]->has_value())
            rows.fail(rows.fields().size() - 1, fmt::format("no column '{}'", name), kForm);
    if (out.expert.size() != static_cast<std::size_t>(shape.top_k))
        rows.fail(
            out.expert.empty() ? 0 : out.expert.back(),
            fmt::format("{} choices a token, the model takes {}", out.expert.size(), shape.top_k),
            kForm);
    rows.set_header();
    return out;
}

/// The rows of a file: tokens and layers numbered in order of first mention.
class Rows {
public:
    Rows(const std::filesystem::path& path, const RoutingShape& shape)
        : path_{path}, shape_{shape} {}

    void add(const CsvRows& rows, const Columns& columns, TraceGroup group) {
        if (rows.unfinished())
            rows.fail(rows.fields().size() - 1, "no newline ends the line, was the file cut off?",
                      "end it with a newline if it is whole");
        const int token = number_token(rows, columns, group);
        const int layer = static_cast<int>(rows.whole(*columns.layer, 0, 1'000'000));
        const auto l = layers_.try_emplace(layer, static_cast<int>(layers_.size())).first->second;
        row_of_.resize(std::max(row_of_.size(), static_cast<std::size_t>(l) + 1));
        auto& of_token = row_of_[static_cast<std::size_t>(l)];
        const auto t = static_cast<std::size_t>(token);
        if (of_token.size() <= t) of_token.resize(t + 1, kAbsent);
        if (of_token[t] != kAbsent)
            rows.fail(*columns.layer,
                      fmt::format("token {} has layer {} already", name_[t], layer));
        of_token[t] = pool_.size();
        for (const std::size_t c : columns.expert) add_expert(rows, c, of_token[t]);
    }

    Trace finish() {
        Trace out{shape_.experts, shape_.top_k, groups_, {}, {}, {}};
        std::vector<TraceChunk> chunks;
        for (const auto& [layer, l] : layers_) {
            for (std::size_t t = 0; t < name_.size(); ++t) {
                const auto& of_token = row_of_[static_cast<std::size_t>(l)];
                if (t >= of_token.size() || of_token[t] == kAbsent)
                    throw sim::InputError(fmt::format(
                        "{}:{}:1: error: token: token {} has no row for layer {}\nhelp: every "
                        "token has one row for every MoE layer; was the trace cut off?",
                        path_.string(), line_[t], name_[t], layer));
                chunks.push_back({group_[t], static_cast<int>(out.layers.size()), of_token[t], 1});
            }
            out.layers.push_back(layer);
        }
        assemble(path_, std::move(chunks), pool_, out);
        return out;
    }

private:
    int number_token(const CsvRows& rows, const Columns& columns, TraceGroup group) {
        const long long name = rows.whole(*columns.token, 0, 1LL << 53);
        const std::string_view request =
            columns.request && group == TraceGroup::request ? rows.text(*columns.request) : "all";
        if (name_.empty() || name_[static_cast<std::size_t>(last_)] != name) {
            const auto [at, fresh] = tokens_.try_emplace(name, static_cast<int>(tokens_.size()));
            last_ = at->second;
            if (fresh) {
                name_.push_back(name);
                line_.push_back(rows.line());
                group_.push_back(number_group(request));
            }
        }
        const auto& mine =
            groups_[static_cast<std::size_t>(group_[static_cast<std::size_t>(last_)])];
        if (mine != request)
            rows.fail(*columns.request, fmt::format("token {} is of '{}' above", name, mine));
        return last_;
    }

    int number_group(std::string_view request) {
        const auto [at, fresh] =
            group_numbers_.try_emplace(std::string{request}, static_cast<int>(groups_.size()));
        if (fresh) groups_.emplace_back(request);
        return at->second;
    }

    void add_expert(const CsvRows& rows, std::size_t column, std::size_t row) {
        const auto expert = static_cast<std::uint16_t>(rows.whole(column, 0, shape_.experts - 1));
        if (std::find(pool_.begin() + static_cast<std::ptrdiff_t>(row), pool_.end(), expert) !=
            pool_.end())
            rows.fail(column, fmt::format("expert {} twice for one token", expert));
        pool_.push_back(expert);
    }

    const std::filesystem::path& path_;
    const RoutingShape& shape_;
    std::map<int, int> layers_;                     // number -> order of mention
    std::vector<std::vector<std::size_t>> row_of_;  // [layers as mentioned][tokens] into the pool
    std::unordered_map<long long, int> tokens_;     // name -> order of mention
    std::vector<long long> name_;                   // [tokens]
    std::vector<int> line_, group_;                 // [tokens] first mention
    std::map<std::string, int> group_numbers_;
    std::vector<std::string> groups_;
    std::vector<std::uint16_t> pool_;
    int last_ = 0;
};

}  // namespace

Trace read_trace_csv(const std::filesystem::path& path, const RoutingShape& shape, TraceGroup group,
                     const std::string& phase) {
    const std::string text = sim::read_text_file(path, kLargestTrace);
    CsvRows rows{path, text};
    if (!rows.next()) fail_file(path, "an empty trace");
    const Columns columns = read_header(rows, shape);
    if (!phase.empty() && !columns.phase)
        rows.fail(0, fmt::format("no column 'phase' to tell '{}' by", phase), kForm);
    Rows found{path, shape};
    while (rows.next())
        if (phase.empty() || rows.text(*columns.phase) == phase) found.add(rows, columns, group);
    return found.finish();
}

}  // namespace moesim::models
