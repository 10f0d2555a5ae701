#include "analysis/microbench/trace_row.hpp"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <functional>
#include <map>
#include <stdexcept>
#include <type_traits>

namespace moesim::microbench {
namespace {

std::string clean(std::string text) {
    for (char& c : text) {
        if (c == ',' || c == '"') c = ';';
        if (static_cast<unsigned char>(c) < ' ') c = ' ';
    }
    return text;
}

std::string number(double value, int digits) {
    char text[40];
    std::snprintf(text, sizeof text, "%.*g", digits, value);
    return text;
}

template <class T>
std::string count(T value) {
    return value == 0 ? std::string{} : std::to_string(value);
}

template <class T>
T parse(const std::string& text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    bool bad = error != std::errc{} || end != text.data() + text.size() || value < T{};
    if constexpr (std::is_floating_point_v<T>) bad = bad || !std::isfinite(value);
    if (bad) throw std::runtime_error("'" + text + "' is no number of the kind expected");
    return value;
}

/// A column: how it is written and how it is read. `part_of_key`: tells measurements apart.
struct Column {
    std::string name;
    bool part_of_key;
    std::function<std::string(const Measurement&)> write;
    std::function<void(Measurement&, const std::string&)> read;
};

template <class Member>
Column text_column(std::string name, bool part_of_key, Member member) {
    return {
        std::move(name), part_of_key,
        [member](const Measurement& row) { return clean(member(const_cast<Measurement&>(row))); },
        [member](Measurement& row, const std::string& text) { member(row) = text; }};
}

template <class Member>
Column count_column(std::string name, bool part_of_key, Member member) {
    return {
        std::move(name), part_of_key,
        [member](const Measurement& row) { return count(member(const_cast<Measurement&>(row))); },
        [member](Measurement& row, const std::string& text) {
            using T = std::remove_reference_t<decltype(member(row))>;
            member(row) = text.empty() ? T{} : parse<T>(text);
        }};
}

/// Microseconds in the trace, seconds in memory; empty when nothing was timed.
template <class Member>
Column time_column(std::string name, Member member) {
    return {std::move(name), false,
            [member](const Measurement& row) {
                return row.time.repeats == 0
                           ? std::string{}
                           : number(member(const_cast<Measurement&>(row)) * 1e6, 6);
            },
            [member](Measurement& row, const std::string& text) {
                member(row) = text.empty() ? 0.0 : parse<double>(text) * 1e-6;
            }};
}

#define MEMBER(of) \
    [](Measurement & row) -> auto& { return row.of; }

const std::vector<Column>& table() {
    static const std::vector<Column> all{
        text_column("device", true, MEMBER(machine.device)),
        text_column("driver", false, MEMBER(machine.driver)),
        text_column("cuda", false, MEMBER(machine.cuda)),
        text_column("library", false, MEMBER(library)),
        text_column("op", true, MEMBER(what.op)),
        text_column("kernel", true, MEMBER(what.kernel)),
        text_column("pass", true, MEMBER(what.pass)),
        text_column("dtype", true, MEMBER(what.dtype)),
        count_column("m", true, MEMBER(what.m)),
        count_column("out", true, MEMBER(what.out)),
        count_column("in", true, MEMBER(what.in)),
        count_column("groups", true, MEMBER(what.groups)),
        {"skew", true,
         [](const Measurement& row) {
             return row.what.skew > 0 ? number(row.what.skew, 4) : std::string{};
         },
         [](Measurement& row, const std::string& text) {
             row.what.skew = text.empty() ? 0.0 : parse<double>(text);
         }},
        count_column("batch", true, MEMBER(what.batch)),
        count_column("heads", true, MEMBER(what.heads)),
        count_column("kv_heads", true, MEMBER(what.kv_heads)),
        count_column("sequence", true, MEMBER(what.sequence)),
        count_column("qk_dim", true, MEMBER(what.qk_dim)),
        count_column("v_dim", true, MEMBER(what.v_dim)),
        {"causal", true,
         [](const Measurement& row) {
             if (row.what.op != "attention") return std::string{};
             return std::string(row.what.causal ? "1" : "0");
         },
         [](Measurement& row, const std::string& text) {
             if (text != "1" && text != "0" && !text.empty())
                 throw std::runtime_error("'" + text + "' is neither 0 nor 1");
             row.what.causal = text == "1";
         }},
        count_column("bytes", true, MEMBER(what.bytes)),
        count_column("launches", true, MEMBER(what.launches)),
        count_column("sms_held", true, MEMBER(what.sms_held)),
        count_column("repeats", false, MEMBER(time.repeats)),
        time_column("median_us", MEMBER(time.median)),
        time_column("p10_us", MEMBER(time.p10)),
        time_column("p90_us", MEMBER(time.p90)),
        {"clock_mhz", false,
         [](const Measurement& row) {
             return row.clock_mhz > 0 ? number(row.clock_mhz, 5) : std::string{};
         },
         [](Measurement& row, const std::string& text) {
             row.clock_mhz = text.empty() ? 0.0 : parse<double>(text);
         }},
        {"rel_error", false,
         [](const Measurement& row) {
             return row.rel_error >= 0 ? number(row.rel_error, 3) : std::string{};
         },
         [](Measurement& row, const std::string& text) {
             row.rel_error = text.empty() ? -1.0 : parse<double>(text);
         }},
        text_column("status", false, MEMBER(status)),
        text_column("note", false, MEMBER(note))};
    return all;
}

#undef MEMBER

}  // namespace

const std::vector<std::string>& columns() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> out;
        for (const Column& column : table()) out.push_back(column.name);
        return out;
    }();
    return names;
}

std::string header() {
    std::string line;
    for (const std::string& name : columns()) line += (line.empty() ? "" : ",") + name;
    return line;
}

std::string write_row(const Measurement& row) {
    std::string line;
    bool first = true;
    for (const Column& column : table()) {
        if (!first) line += ',';
        first = false;
        line += column.write(row);
    }
    return line;
}

std::vector<std::string> split(std::string_view line, char at) {
    std::vector<std::string> out(1);
    for (const char c : line) {
        if (c == at)
            out.emplace_back();
        else if (c != '\r')
            out.back() += c;
    }
    return out;
}

Measurement read_row(const std::vector<std::string>& names, std::string_view line) {
    const std::vector<std::string> fields = split(line);
    if (fields.size() != names.size())
        throw std::runtime_error(std::to_string(fields.size()) + " fields under " +
                                 std::to_string(names.size()) + " columns");
    std::map<std::string, const Column*> known;
    for (const Column& column : table()) known[column.name] = &column;
    Measurement row;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const auto column = known.find(names[i]);
        if (column == known.end()) continue;
        try {
            column->second->read(row, fields[i]);
        } catch (const std::runtime_error& e) {
            throw std::runtime_error("column " + names[i] + ": " + e.what());
        }
    }
    return row;
}

std::string key(const std::string& device, const Case& what) {
    Measurement row;
    row.machine.device = device;
    row.what = what;
    std::string out;
    for (const Column& column : table())
        if (column.part_of_key) out += column.write(row) + ',';
    return out;
}

}  // namespace moesim::microbench
