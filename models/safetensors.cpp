#include "models/safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "models/csv_rows.hpp"

namespace moesim::models {
namespace {

static_assert(std::endian::native == std::endian::little);

using nlohmann::json;

constexpr std::uint64_t kLargestHeader = 100u << 20;  // the format's own limit
constexpr std::uint64_t kLargestFile = std::uint64_t{8} << 30;
constexpr double kMostCount = 9007199254740992.0;  // 2^53

struct Type {
    std::size_t bytes;
    double (*read)(const char*);
};

template <class T>
double read_as(const char* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return static_cast<double>(value);
}

std::optional<Type> type_of(const std::string& name) {
    if (name == "U8") return Type{1, read_as<std::uint8_t>};
    if (name == "I8") return Type{1, read_as<std::int8_t>};
    if (name == "U16") return Type{2, read_as<std::uint16_t>};
    if (name == "I16") return Type{2, read_as<std::int16_t>};
    if (name == "U32") return Type{4, read_as<std::uint32_t>};
    if (name == "I32") return Type{4, read_as<std::int32_t>};
    if (name == "U64") return Type{8, read_as<std::uint64_t>};
    if (name == "I64") return Type{8, read_as<std::int64_t>};
    if (name == "F32") return Type{4, read_as<float>};
    if (name == "F64") return Type{8, read_as<double>};
    return {};
}

/// The bytes of a file, and complaints about it.
class File {
public:
    explicit File(const std::filesystem::path& path) : path_{path} {
        std::error_code failed;
        const std::uint64_t size = std::filesystem::file_size(path, failed);
        if (failed) fail(failed.message());
        if (size > kLargestFile) fail(fmt::format("{} bytes are more than is read", size));
        bytes_.resize(size);
        std::ifstream in{path, std::ios::binary};
        in.read(bytes_.data(), static_cast<std::streamsize>(size));
        if (!in || static_cast<std::uint64_t>(in.gcount()) != size) fail("cannot be read");
        if (size < 8) fail(fmt::format("{} bytes, a safetensors file begins with 8", size));
        std::uint64_t header = 0;
        std::memcpy(&header, bytes_.data(), 8);
        if (header > kLargestHeader || header > size - 8)
            fail(fmt::format("a header of {} bytes in a file of {}", header, size),
                 "is it a safetensors file, or was it cut off?");
        data_ = 8 + header;
    }

    [[nodiscard]] json header() const {
        std::set<std::string> names;
        const auto once = [&](int depth, json::parse_event_t event, json& value) {
            if (event == json::parse_event_t::key && depth == 1 &&
                !names.insert(value.get<std::string>()).second)
                fail("given twice", {}, value.get<std::string>());
            return true;
        };
        json out;
        try {
            out = json::parse(bytes_.data() + 8, bytes_.data() + data_, once);
        } catch (const json::exception&) {
            fail("the header is not JSON", "is it a safetensors file, or was it cut off?");
        }
        if (!out.is_object()) fail("the header is not a JSON object");
        return out;
    }

    [[nodiscard]] CountTensor tensor(const std::string& name, const json& about) const {
        const auto has = [&](const char* key, json::value_t type) {
            return about.is_object() && about.contains(key) && about[key].type() == type;
        };
        if (!has("dtype", json::value_t::string) || !has("shape", json::value_t::array) ||
            !has("data_offsets", json::value_t::array) || about["data_offsets"].size() != 2)
            fail("expected dtype, shape and data_offsets in the header", {}, name);
        const auto type = type_of(about["dtype"].get<std::string>());
        if (!type)
            fail(fmt::format("values of type {:.20}", about["dtype"].get<std::string>()),
                 "counts are U8 to U64, I8 to I64, F32 or F64", name);
        CountTensor out{name, {}, {}};
        const std::uint64_t room = bytes_.size() - data_;
        std::uint64_t count = 1;
        for (const json& size : about["shape"]) {
            const std::uint64_t n = whole(size, name);
            // each step stays below 2^33, the largest file
            if (n > room || (n > 0 && count > room / n))
                fail(fmt::format("a shape of more values than the file's {} bytes", room), {},
                     name);
            count *= n;
            out.shape.push_back(n);
        }
        const std::uint64_t begin = whole(about["data_offsets"][0], name),
                            end = whole(about["data_offsets"][1], name);
        if (begin > end || end > room)
            fail(fmt::format("data from byte {} to {} of {}", begin, end, room),
                 "was the file cut off?", name);
        if (end - begin != count * type->bytes)
            fail(fmt::format("{} values in {} bytes", count, end - begin), {}, name);
        for (std::uint64_t i = 0; i < count; ++i) {
            const double value = type->read(bytes_.data() + data_ + begin + i * type->bytes);
            if (!(value >= 0) || value > kMostCount || value != std::floor(value))
                fail(fmt::format("value {} is {}, not a count", i, value), {}, name);
            out.values.push_back(value);
        }
        return out;
    }

private:
    [[nodiscard]] std::uint64_t whole(const json& value, const std::string& tensor) const {
        if (!value.is_number_unsigned())
            fail(fmt::format("{:.20} is no size", value.dump()), {}, tensor);
        return value.get<std::uint64_t>();
    }
    [[noreturn]] void fail(const std::string& what, const std::string& help = {},
                           const std::string& tensor = {}) const {
        fail_file(path_, tensor.empty() ? what : fmt::format("{:.60}: {}", tensor, what), help);
    }

    const std::filesystem::path& path_;
    std::vector<char> bytes_;
    std::uint64_t data_ = 0;
};

bool digits(std::string_view text, int& number) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    return !text.empty() && text.front() != '-' && read.ec == std::errc{} &&
           read.ptr == text.data() + text.size();
}

}  // namespace

std::vector<CountTensor> read_safetensors(const std::filesystem::path& path) {
    const File file{path};
    std::vector<CountTensor> out;
    const json header = file.header();
    for (const auto& [name, about] : header.items())
        if (name != "__metadata__") out.push_back(file.tensor(name, about));
    return out;
}

std::vector<NumberedFile> numbered_files(const std::filesystem::path& path,
                                         const std::string& prefix, const std::string& suffix) {
    const auto number_of = [&](const std::filesystem::path& file) -> std::optional<int> {
        const std::string name = file.filename().string();
        std::string_view rest = name;
        int number = 0;
        if (!rest.starts_with(prefix) || !rest.ends_with(suffix) ||
            rest.size() < prefix.size() + suffix.size())
            return {};
        rest = rest.substr(prefix.size(), rest.size() - prefix.size() - suffix.size());
        return digits(rest, number) ? std::optional{number} : std::nullopt;
    };
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored)) return {{path, number_of(path).value_or(0)}};
    std::vector<NumberedFile> out;
    for (const auto& entry : std::filesystem::directory_iterator(path))
        if (const auto number = number_of(entry.path())) out.push_back({entry.path(), *number});
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a.number < b.number; });
    return out;
}

TensorKey tensor_key(const std::filesystem::path& path, const std::string& name) {
    const std::size_t dash = name.find('_');
    TensorKey out;
    if (dash == std::string::npos ||
        !digits(std::string_view{name}.substr(0, dash), out.iteration) ||
        !digits(std::string_view{name}.substr(dash + 1), out.layer) || out.layer > 1'000'000)
        fail_file(path, fmt::format("a tensor called '{:.60}'", name),
                  "TensorRT-LLM's statistics are called <iteration>_<layer>");
    return out;
}

}  // namespace moesim::models
