#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <numeric>
#include <string_view>

#include "models/shares.hpp"
#include "sim/input.hpp"

namespace moesim::models {
namespace {

constexpr std::array<std::string_view, 4> kColumns{"domain", "layer", "expert", "share"};
constexpr int kMostExperts = 10'000'000;

/// One line of the file, cut at its commas; complains about itself.
class Row {
public:
    Row(const std::filesystem::path& path, int number, std::string_view line)
        : path_{path}, number_{number}, line_{line} {
        for (std::size_t begin = 0; begin <= line.size();) {
            const std::size_t comma = std::min(line.find(',', begin), line.size());
            fields_.push_back(line.substr(begin, comma - begin));
            begin = comma + 1;
        }
        if (fields_.size() != kColumns.size())
            fail(0, fmt::format("{} fields", fields_.size()), "domain,layer,expert,share");
    }

    [[nodiscard]] std::string_view text(std::size_t column) const { return fields_[column]; }

    template <class T>
    [[nodiscard]] T number(std::size_t column, T least, T most) const {
        const std::string_view field = fields_[column];
        T value{};
        const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
        if (error != std::errc{} || end != field.data() + field.size() || !(value >= least) ||
            !(value <= most))
            fail(column, fmt::format("'{}' is not a number from {} to {}", field, least, most), "");
        return value;
    }

    [[noreturn]] void fail(std::size_t column, std::string_view what, std::string_view help) const {
        const std::string_view field = fields_[std::min(column, fields_.size() - 1)];
        const auto begin = static_cast<std::size_t>(field.data() - line_.data());
        const auto width = std::max<std::size_t>(field.size(), 1);
        std::string out =
            fmt::format("{}:{}:{}: error: {}: {}\n{:5} | {}\n      | {}^{}", path_.string(),
                        number_, begin + 1, kColumns[column], what, number_, line_,
                        std::string(begin, ' '), std::string(width - 1, '~'));
        if (!help.empty()) out += fmt::format("\nhelp: {}", help);
        throw sim::InputError(out);
    }

private:
    const std::filesystem::path& path_;
    int number_;
    std::string_view line_;
    std::vector<std::string_view> fields_;
};

[[noreturn]] void fail_file(const std::filesystem::path& path, const std::string& what) {
    throw sim::InputError(fmt::format("{}: error: {}", path.string(), what));
}

using Vector = std::map<int, double>;                        // expert -> share
using Cells = std::map<int, std::map<std::size_t, Vector>>;  // layer -> domain -> vector

void add_row(const Row& row, ShareTable& table, Cells& cells) {
    const std::string name{row.text(0)};
    if (name.empty()) row.fail(0, "empty", "name the kind of text");
    const auto known = std::find(table.domains.begin(), table.domains.end(), name);
    const auto domain = static_cast<std::size_t>(known - table.domains.begin());
    if (known == table.domains.end()) table.domains.push_back(name);
    const int layer = row.number<int>(1, 0, 1'000'000);
    const int expert = row.number<int>(2, 0, kMostExperts);
    const double share = row.number<double>(3, 0, 1e300);
    if (!cells[layer][domain].emplace(expert, share).second)
        row.fail(2, fmt::format("expert {} of layer {} is given twice for {}", expert, layer, name),
                 "one line per expert");
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

}  // namespace

ShareTable read_share_table(const std::filesystem::path& path) {
    const std::string text = sim::read_text_file(path);
    ShareTable table;
    Cells cells;
    int number = 0;
    bool header = false;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('\n', begin), text.size());
        std::string_view line{text.data() + begin, end - begin};
        begin = end + 1;
        ++number;
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        if (line.empty() || line.front() == '#') continue;
        const Row row{path, number, line};
        if (header) {
            add_row(row, table, cells);
            continue;
        }
        for (std::size_t c = 0; c < kColumns.size(); ++c)
            if (row.text(c) != kColumns[c])
                row.fail(c, fmt::format("the header says '{}'", row.text(c)),
                         "the first line is domain,layer,expert,share");
        header = true;
    }
    if (cells.empty()) fail_file(path, "no loads in it");
    const std::size_t experts = cells.begin()->second.begin()->second.size();
    for (const auto& [layer, domains] : cells) {
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
