#include "scenarios/placements/json_input.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sim/input.hpp"

namespace moesim::scenarios {
namespace {

using nlohmann::json;

constexpr int kMostLevels = 32;

/// "line:column" of a byte, both from 1.
std::string place_of(const std::string& text, std::size_t byte) {
    const std::string_view before = std::string_view{text}.substr(0, byte);
    const std::size_t newline = before.rfind('\n');
    return fmt::format("{}:{}", std::count(before.begin(), before.end(), '\n') + 1,
                       byte - (newline == std::string_view::npos ? 0 : newline + 1) + 1);
}

/// Stops at the first bracket that opens one level too many, before the parser sees it.
void guard_levels(const std::string& text, const std::string& name) {
    int level = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted && c == '\\') {
            ++i;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (!quoted && (c == '[' || c == '{') && ++level > kMostLevels) {
            throw sim::InputError(fmt::format("{}:{}: error: nested more than {} levels deep", name,
                                              place_of(text, i), kMostLevels));
        } else if (!quoted && (c == ']' || c == '}')) {
            --level;
        }
    }
}

/// Refuses a key that stands twice in one object; the parser would keep the last silently.
class TwiceGuard {
public:
    explicit TwiceGuard(const std::string& name) : name_{name} {}

    bool operator()(int, json::parse_event_t event, json& parsed) {
        if (event == json::parse_event_t::object_start) open_.emplace_back();
        if (event == json::parse_event_t::object_end) open_.pop_back();
        if (event == json::parse_event_t::key &&
            !open_.back().insert(parsed.get<std::string>()).second)
            throw sim::InputError(fmt::format("{}: error: the key {} stands twice in one object",
                                              name_, parsed.dump()));
        return true;
    }

private:
    const std::string& name_;
    std::vector<std::set<std::string>> open_;
};

/// What the parser says, without its own prefix and position.
std::string without_prefix(const std::string& what) {
    for (const char* start : {"syntax error", "number overflow"})
        if (const std::size_t cut = what.find(start); cut != what.npos) return what.substr(cut);
    return what;
}

}  // namespace

JsonInput::JsonInput(std::shared_ptr<const json> document, const json* value, std::string name,
                     std::string pointer)
    : document_{std::move(document)},
      value_{value},
      name_{std::move(name)},
      pointer_{std::move(pointer)} {}

JsonInput JsonInput::from_file(const std::filesystem::path& path) {
    return from_text(sim::read_text_file(path), path.string());
}

JsonInput JsonInput::from_text(const std::string& text, std::string name) {
    if (text.find_first_not_of(" \t\r\n") == std::string::npos)
        throw sim::InputError(fmt::format("{}: error: the file is empty", name));
    guard_levels(text, name);
    try {
        TwiceGuard guard{name};
        auto document = std::make_shared<const json>(json::parse(text, std::ref(guard)));
        const json* root = document.get();
        return {std::move(document), root, std::move(name), ""};
    } catch (const json::parse_error& e) {
        const std::size_t byte = e.byte == 0 ? 0 : std::min(e.byte, text.size()) - 1;
        throw sim::InputError(fmt::format("{}:{}: error: not valid JSON: {}", name,
                                          place_of(text, byte), without_prefix(e.what())));
    } catch (const json::exception& e) {  // a number beyond double precision
        throw sim::InputError(
            fmt::format("{}: error: not valid JSON: {}", name, without_prefix(e.what())));
    }
}

bool JsonInput::has(const std::string& key) const {
    return value_->is_object() && value_->contains(key);
}

std::vector<std::string> JsonInput::keys() const {
    if (!value_->is_object()) fail(fmt::format("expected an object, found {}", found()));
    std::vector<std::string> out;
    for (const auto& [key, value] : value_->items()) out.push_back(key);
    return out;
}

JsonInput JsonInput::child(const json& value, const std::string& step) const {
    return {document_, &value, name_, pointer_ + "/" + step};
}

JsonInput JsonInput::at(const std::string& key) const {
    if (!value_->is_object()) fail(fmt::format("expected an object, found {}", found()));
    if (const auto it = value_->find(key); it != value_->end()) return child(*it, key);
    fail(fmt::format("the key \"{}\" is missing", key));
}

std::vector<JsonInput> JsonInput::items() const {
    if (!value_->is_array()) fail(fmt::format("expected an array, found {}", found()));
    std::vector<JsonInput> out;
    for (std::size_t i = 0; i < value_->size(); ++i)
        out.push_back(child((*value_)[i], std::to_string(i)));
    return out;
}

int JsonInput::whole(int least, int most) const {
    if (!value_->is_number_integer())
        fail(fmt::format("expected a whole number, found {}", found()));
    const bool huge = value_->is_number_unsigned() &&
                      value_->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
    const std::int64_t x = huge ? INT64_MAX : value_->get<std::int64_t>();
    if (x < least) fail(fmt::format("expected at least {}, found {}", least, found()));
    if (x > most) fail(fmt::format("expected at most {}, found {}", most, found()));
    return static_cast<int>(x);
}

double JsonInput::number(double least, double most) const {
    if (!value_->is_number()) fail(fmt::format("expected a number, found {}", found()));
    const double x = value_->get<double>();
    if (!(x >= least)) fail(fmt::format("expected a number of at least {}, found {}", least, x));
    if (x > most) fail(fmt::format("expected a number of at most {}, found {}", most, x));
    return x;
}

std::vector<std::vector<double>> JsonInput::matrix(double least, double most) const {
    std::vector<std::vector<double>> out;
    for (const JsonInput& row : items()) {
        if (!row.is_array()) row.fail(fmt::format("expected an array, found {}", row.found()));
        std::vector<double> numbers;
        numbers.reserve(row.value_->size());
        for (std::size_t i = 0; i < row.value_->size(); ++i) {
            const json& x = (*row.value_)[i];
            const bool plain = x.is_number() && x.get<double>() >= least && x.get<double>() <= most;
            // The pointer is made for a complaint only: there may be millions of numbers.
            numbers.push_back(plain ? x.get<double>()
                                    : row.child(x, std::to_string(i)).number(least, most));
        }
        if (numbers.empty()) row.fail("the row is empty");
        if (!out.empty() && numbers.size() != out.front().size())
            row.fail(fmt::format("{} numbers, the first row has {}", numbers.size(),
                                 out.front().size()));
        out.push_back(std::move(numbers));
    }
    if (out.empty()) fail("there are no rows");
    return out;
}

std::string JsonInput::found() const {
    if (value_->is_object()) return "an object";
    if (value_->is_array()) return "an array";
    if (value_->is_null()) return "null";
    std::string text = value_->dump(-1, ' ', false, json::error_handler_t::replace);
    if (text.size() > 60) text = text.substr(0, 57) + "...";
    return value_->is_string() ? "the text " + text : text;
}

void JsonInput::fail(std::string_view what, std::string_view hint) const {
    throw sim::InputError(fmt::format("{}: {}error: {}{}", name_,
                                      pointer_.empty() ? "" : pointer_ + ": ", what,
                                      hint.empty() ? "" : fmt::format("\nhelp: {}", hint)));
}

}  // namespace moesim::scenarios
