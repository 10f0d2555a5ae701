#include <fmt/format.h>

#include "sim/reading.hpp"

namespace moesim::sim {
namespace {

/// Declares `key` and gives what `read` makes of it, or the fallback; no fallback: it is required.
template <class T, class Read>
T get(Table::Impl& table, std::string_view key, const Wanted& want, const T* fallback,
      const Read& read) {
    Declaration& declared = table.declare(key, Declaration::What::value);
    const Node* node = table.find(key);
    if (node == nullptr && fallback == nullptr)
        table.fail_missing(key, want.expected(), want.example);
    T value =
        node == nullptr ? *fallback : read(Reading{table, *node, dotted(table.scope->path, key)});
    declared.value = value;
    return value;
}

double get_quantity(Table::Impl& table, std::string_view key, Dimension dimension,
                    const double* fallback) {
    return get<double>(table, key, wanted(dimension), fallback,
                       [&](const Reading& in) { return read_quantity(in, dimension); });
}

}  // namespace

std::string Table::text(std::string_view key) {
    return get<std::string>(*impl_, key, kText, nullptr, read_text);
}

std::string Table::text(std::string_view key, std::string_view fallback) {
    const std::string other{fallback};
    return get<std::string>(*impl_, key, kText, &other, read_text);
}

std::string Table::choice(std::string_view key, const std::vector<std::string>& known) {
    const Wanted want{fmt::format("one of {}", fmt::join(known, ", ")), ""};
    return get<std::string>(*impl_, key, want, nullptr,
                            [&](const Reading& in) { return read_choice(in, known); });
}

std::string Table::choice(std::string_view key, const std::vector<std::string>& known,
                          std::string_view fallback) {
    const std::string other{fallback};
    return get<std::string>(*impl_, key, kText, &other,
                            [&](const Reading& in) { return read_choice(in, known); });
}

std::int64_t Table::count(std::string_view key, std::int64_t least) {
    return get<std::int64_t>(*impl_, key, kCount, nullptr,
                             [&](const Reading& in) { return read_count(in, least); });
}

std::int64_t Table::count(std::string_view key, std::int64_t least, std::int64_t fallback) {
    return get<std::int64_t>(*impl_, key, kCount, &fallback,
                             [&](const Reading& in) { return read_count(in, least); });
}

double Table::number(std::string_view key, double least, double most) {
    return get<double>(*impl_, key, kNumber, nullptr,
                       [&](const Reading& in) { return read_number(in, least, most); });
}

double Table::number(std::string_view key, double least, double most, double fallback) {
    return get<double>(*impl_, key, kNumber, &fallback,
                       [&](const Reading& in) { return read_number(in, least, most); });
}

bool Table::flag(std::string_view key, bool fallback) {
    return get<bool>(*impl_, key, {"true or false", ""}, &fallback, read_flag);
}

BytesPerSecond Table::rate(std::string_view key) {
    return BytesPerSecond{get_quantity(*impl_, key, Dimension::rate, nullptr)};
}

BytesPerSecond Table::rate(std::string_view key, BytesPerSecond fallback) {
    const double other = fallback.si();
    return BytesPerSecond{get_quantity(*impl_, key, Dimension::rate, &other)};
}

FlopPerSecond Table::flops(std::string_view key) {
    return FlopPerSecond{get_quantity(*impl_, key, Dimension::flops, nullptr)};
}

Seconds Table::time(std::string_view key) {
    return Seconds{get_quantity(*impl_, key, Dimension::time, nullptr)};
}

Seconds Table::time(std::string_view key, Seconds fallback) {
    const double other = fallback.si();
    return Seconds{get_quantity(*impl_, key, Dimension::time, &other)};
}

Bytes Table::bytes(std::string_view key) {
    return Bytes{get_quantity(*impl_, key, Dimension::bytes, nullptr)};
}

Bytes Table::bytes(std::string_view key, Bytes fallback) {
    const double other = fallback.si();
    return Bytes{get_quantity(*impl_, key, Dimension::bytes, &other)};
}

std::vector<std::string> Table::texts(std::string_view key) {
    const Wanted want{"an array of strings", "[\"a\", \"b\"]"};
    const std::vector<std::string> none;
    return get<std::vector<std::string>>(*impl_, key, want, &none, [&](const Reading& in) {
        return read_list<std::string>(in, want, read_text);
    });
}

std::vector<std::int64_t> Table::counts(std::string_view key, std::int64_t least) {
    const Wanted want{"an array of whole numbers", "[1, 2]"};
    const std::vector<std::int64_t> none;
    return get<std::vector<std::int64_t>>(*impl_, key, want, &none, [&](const Reading& in) {
        return read_list<std::int64_t>(in, want,
                                       [&](const Reading& i) { return read_count(i, least); });
    });
}

std::vector<double> Table::numbers(std::string_view key, double least, double most) {
    const Wanted want{"an array of numbers", "[0.5, 1]"};
    const std::vector<double> none;
    return get<std::vector<double>>(*impl_, key, want, &none, [&](const Reading& in) {
        return read_list<double>(in, want,
                                 [&](const Reading& i) { return read_number(i, least, most); });
    });
}

std::vector<std::vector<double>> Table::matrix(std::string_view key, double least, double most) {
    const Wanted want{"an array of arrays of numbers", "[[1, 2], [3, 4]]"};
    const Wanted row{"an array of numbers", "[1, 2]"};
    const std::vector<std::vector<double>> none;
    const auto read = [&](const Reading& i) { return read_number(i, least, most); };
    return get<std::vector<std::vector<double>>>(*impl_, key, want, &none, [&](const Reading& in) {
        auto rows = read_list<std::vector<double>>(
            in, want, [&](const Reading& i) { return read_list<double>(i, row, read); });
        for (std::size_t i = 1; i < rows.size(); ++i)
            if (rows[i].size() != rows[0].size())
                in.item(i).fail(fmt::format("expected {} numbers as in the first row, found {}",
                                            rows[0].size(), rows[i].size()));
        return rows;
    });
}

}  // namespace moesim::sim
