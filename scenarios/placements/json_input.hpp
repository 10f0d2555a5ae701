#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace moesim::scenarios {

/// A value of a JSON file together with where it stands. Every reader throws sim::InputError:
///
///     loads.json: /weight/1/3: error: expected a number of at least 0, found -4
class JsonInput {
public:
    /// Throws sim::InputError as well for a file that is missing, empty, no JSON
    /// ("path:line:column"), has a key twice, or nests more than 32 levels.
    static JsonInput from_file(const std::filesystem::path& path);
    static JsonInput from_text(const std::string& text, std::string name);

    [[nodiscard]] bool has(const std::string& key) const;
    [[nodiscard]] bool is_object() const { return value_->is_object(); }
    [[nodiscard]] bool is_array() const { return value_->is_array(); }
    [[nodiscard]] std::vector<std::string> keys() const;
    [[nodiscard]] JsonInput at(const std::string& key) const;
    [[nodiscard]] std::vector<JsonInput> items() const;

    [[nodiscard]] int whole(int least, int most) const;
    [[nodiscard]] double number(double least, double most) const;
    /// Numbers in rows of equal length, at least one.
    [[nodiscard]] std::vector<std::vector<double>> matrix(double least, double most) const;

    [[noreturn]] void fail(std::string_view what, std::string_view hint = {}) const;

private:
    JsonInput(std::shared_ptr<const nlohmann::json> document, const nlohmann::json* value,
              std::string name, std::string pointer);
    [[nodiscard]] JsonInput child(const nlohmann::json& value, const std::string& step) const;
    /// "the text \"16\"", "an object".
    [[nodiscard]] std::string found() const;

    std::shared_ptr<const nlohmann::json> document_;
    const nlohmann::json* value_;
    std::string name_, pointer_;
};

}  // namespace moesim::scenarios
