#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <tuple>

#include "models/csv_rows.hpp"
#include "models/trace.hpp"
#include "sim/input.hpp"

namespace moesim::models {
namespace {

constexpr std::size_t kLargestTrace = std::size_t{4} << 30;

/// The fields of one line besides its choices, which go straight to the pool.
struct Record {
    long long step = -1, layer = -1, rank = -1, tokens = -1, topk = -1, mtp = -1;
    std::string block;
    std::size_t lists = 0;  // entries of top_indices
    bool indices = false;
};

/// Takes one line apart as it is parsed, without building its tree. The interface is nlohmann's.
class Line {
public:
    using number_integer_t = nlohmann::json::number_integer_t;
    using number_unsigned_t = nlohmann::json::number_unsigned_t;
    using number_float_t = nlohmann::json::number_float_t;
    using string_t = nlohmann::json::string_t;
    using binary_t = nlohmann::json::binary_t;

    Line(const std::filesystem::path& path, int number, const RoutingShape& shape,
         std::vector<std::uint16_t>& pool)
        : path_{path}, number_{number}, shape_{shape}, pool_{pool}, row_{pool.size()} {}

    bool null() { return other("null"); }
    bool boolean(bool) { return other("a truth value"); }
    bool binary(binary_t&) { return other("binary"); }
    bool number_float(number_float_t, const string_t& text) { return other(text); }
    bool number_integer(number_integer_t value) { return number(value); }
    bool number_unsigned(number_unsigned_t value) {
        return number(static_cast<long long>(std::min<number_unsigned_t>(value, 1ULL << 62)));
    }
    bool string(string_t& value) {
        if (depth_ == 1 && key_ == "block") {
            if (value != "decoder" && value != "mtp")
                fail(fmt::format("'{}' is neither decoder nor mtp", value.substr(0, 40)));
            record_.block = value;
            return true;
        }
        return other("a string");
    }
    bool start_object(std::size_t) {
        if (depth_ > 0) other("an object");
        ++depth_;
        return true;
    }
    bool key(string_t& name) {
        if (depth_ == 1) key_ = name;
        if (depth_ == 1 && key_ == "top_indices") {
            if (record_.indices) fail("given twice");
            record_.indices = true;
        }
        return true;
    }
    bool end_object() {
        --depth_;
        return true;
    }
    bool start_array(std::size_t) {
        if (depth_ == 0) fail("expected an object, found a list");
        if (depth_ > 2 || (depth_ == 1 && key_ != "top_indices")) other("a list");
        ++depth_;
        return true;
    }
    bool end_array() {
        --depth_;
        if (key_ != "top_indices" || depth_ != 2) return true;
        if (pool_.size() - row_ != static_cast<std::size_t>(shape_.top_k))
            fail(fmt::format("{} choices, the model takes {}", pool_.size() - row_, shape_.top_k),
                 record_.lists);
        row_ = pool_.size();
        ++record_.lists;
        return true;
    }
    bool parse_error(std::size_t byte, const std::string&, const nlohmann::json::exception& error) {
        std::string_view what = error.what();
        if (const auto detail = what.find(": "); detail != std::string_view::npos)
            what.remove_prefix(detail + 2);
        throw sim::InputError(fmt::format(
            "{}:{}:{}: error: not JSON: {}\nhelp: each line holds one object; was the trace cut "
            "off?",
            path_.string(), number_, byte, what.substr(0, 300)));
    }

    /// The record, once the line is parsed.
    Record finish() {
        const auto have = [&](const char* name, bool present) {
            key_ = name;
            if (!present) fail("no such field");
        };
        have("step", record_.step >= 0);
        have("layer", record_.layer >= 0);
        have("rank", record_.rank >= 0);
        have("top_indices", record_.indices);
        have("mtp_idx", record_.block != "mtp" || record_.mtp >= 0);
        have("topk", true);
        if (record_.topk >= 0 && record_.topk != shape_.top_k)
            fail(fmt::format("{}, the model takes {}", record_.topk, shape_.top_k));
        have("num_tokens", record_.tokens >= 0);
        if (static_cast<std::size_t>(record_.tokens) != record_.lists)
            fail(fmt::format("{}, but top_indices has {}", record_.tokens, record_.lists));
        return record_;
    }

private:
    bool number(long long value) {
        if (key_ == "top_indices") {
            if (depth_ != 3) fail("expected a list of experts for each token");
            add_expert(value);
            return true;
        }
        if (depth_ == 0) return other("a number");
        if (depth_ > 1) return true;
        const std::map<std::string_view, long long*> fields{
            {"step", &record_.step},         {"layer", &record_.layer}, {"rank", &record_.rank},
            {"num_tokens", &record_.tokens}, {"topk", &record_.topk},   {"mtp_idx", &record_.mtp}};
        if (const auto at = fields.find(key_); at != fields.end()) {
            if (value < 0) fail(fmt::format("{} is not a count", value));
            *at->second = value;
        }
        return true;
    }

    void add_expert(long long value) {
        const std::size_t choice = pool_.size() - row_;
        if (value < 0 || value >= shape_.experts)
            fail(fmt::format("expert {}, the model has 0 to {}", value, shape_.experts - 1),
                 record_.lists, choice);
        const auto expert = static_cast<std::uint16_t>(value);
        const auto mine = pool_.begin() + static_cast<std::ptrdiff_t>(row_);
        if (std::find(mine, pool_.end(), expert) != pool_.end())
            fail(fmt::format("expert {} twice for one token", value), record_.lists, choice);
        pool_.push_back(expert);
    }

    /// Anything that is not of the expected type: passed over in fields that nobody reads.
    bool other(std::string_view found) {
        if (depth_ == 0) fail(fmt::format("expected an object, found {}", found));
        for (const std::string_view name :
             {"step", "block", "layer", "rank", "num_tokens", "topk", "mtp_idx", "top_indices"})
            if (key_ == name) fail(fmt::format("unexpected {}", found));
        return true;
    }

    template <class... Steps>
    [[noreturn]] void fail(const std::string& what, Steps... steps) const {
        std::string pointer = key_.empty() ? "" : "/" + key_;
        ((pointer += fmt::format("/{}", steps)), ...);
        throw sim::InputError(
            fmt::format("{}:{}: error: {}: {}", path_.string(), number_, pointer, what));
    }

    const std::filesystem::path& path_;
    int number_;
    const RoutingShape& shape_;
    std::vector<std::uint16_t>& pool_;
    std::size_t row_;  // start of the present token's choices in the pool
    Record record_;
    std::string key_;
    int depth_ = 0;
};

using LayerName = std::tuple<bool, long long, long long>;  // mtp?, mtp_idx, layer: in model order

/// What was found so far, in all files.
struct Found {
    std::vector<std::uint16_t> pool;
    std::map<LayerName, int> layers;  // in order of mention
    std::map<std::string, int> group_numbers;
    std::vector<std::string> groups;
    std::map<std::tuple<long long, long long, LayerName>, int> batches;  // rank, step, layer
    std::vector<TraceChunk> chunks;
};

std::string group_name(const Record& record, int batch, TraceGroup group) {
    switch (group) {
        case TraceGroup::rank:
            return fmt::format("rank {}", record.rank);
        case TraceGroup::step:
            return fmt::format("step {}", record.step);
        case TraceGroup::all:
            return "all";
        case TraceGroup::request:
            break;
    }
    return fmt::format("rank {}, step {}, batch {}", record.rank, record.step, batch);
}

void add_line(const Record& record, std::size_t at, TraceGroup group, Found& to) {
    const bool mtp = record.block == "mtp";
    const LayerName name{mtp, mtp ? record.mtp : 0, record.layer};
    const int layer = to.layers.try_emplace(name, static_cast<int>(to.layers.size())).first->second;
    const int batch = to.batches[{record.rank, record.step, name}]++;
    const std::string label = group_name(record, batch, group);
    const auto [g, fresh] = to.group_numbers.try_emplace(label, static_cast<int>(to.groups.size()));
    if (fresh) to.groups.push_back(label);
    to.chunks.push_back({g->second, layer, at, record.lists});
}

void read_file(const std::filesystem::path& path, const RoutingShape& shape, TraceGroup group,
               Found& to) {
    const std::string text = sim::read_text_file(path, kLargestTrace);
    int number = 0;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        const std::string_view line{text.data() + begin, end - begin};
        begin = end + 1;
        ++number;
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        const std::size_t at = to.pool.size();
        Line parsed{path, number, shape, to.pool};
        nlohmann::json::sax_parse(line.begin(), line.end(), &parsed);
        add_line(parsed.finish(), at, group, to);
    }
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& path) {
    if (!std::filesystem::is_directory(path)) return {path};
    std::vector<std::filesystem::path> out;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with("router_trace_rank") && name.ends_with(".jsonl"))
            out.push_back(entry.path());
    }
    if (out.empty()) fail_file(path, "no router_trace_rank*.jsonl in this folder");
    // rank 2 before rank 10
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
        const std::string x = a.string(), y = b.string();
        return std::pair{x.size(), x} < std::pair{y.size(), y};
    });
    return out;
}

}  // namespace

Trace read_trace_jsonl(const std::filesystem::path& path, const RoutingShape& shape,
                       TraceGroup group) {
    Found found;
    for (const auto& file : files_of(path)) read_file(file, shape, group, found);
    if (found.chunks.empty()) fail_file(path, "an empty trace");
    Trace out{shape.experts, shape.top_k, found.groups, {}, {}, {}};
    std::vector<int> order(found.layers.size());
    for (const auto& [name, mentioned] : found.layers) {
        order[static_cast<std::size_t>(mentioned)] = static_cast<int>(out.layers.size());
        const auto number = static_cast<int>(std::get<2>(name));
        // MTP blocks number their layers from 0: they follow the decoder's
        out.layers.push_back(std::get<0>(name) && !out.layers.empty() ? out.layers.back() + 1
                                                                      : number);
    }
    for (TraceChunk& c : found.chunks) c.layer = order[static_cast<std::size_t>(c.layer)];
    assemble(path, std::move(found.chunks), found.pool, out);
    return out;
}

}  // namespace moesim::models
