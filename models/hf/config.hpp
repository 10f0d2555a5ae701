#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/node.hpp"

namespace moesim::models::hf {

/// An object of a Hugging Face config.json. Readers with a fallback are for what the file may leave
/// out: the value that the transformers library fills in then, which is written down in filled().
/// A member that is null counts as left out. Complaints name the place and the JSON pointer:
///
///     config.json:7:22: error: /text_config/num_experts: expected a whole number, found string "8"
///
/// Copies share what they wrote down.
class Config {
public:
    static Config from_file(const std::string& path);
    static Config from_text(std::string text, std::string name);

    [[nodiscard]] bool has(std::string_view key) const;
    /// The member is there, and null.
    [[nodiscard]] bool is_null(std::string_view key) const;
    [[nodiscard]] bool is_object(std::string_view key) const;
    [[nodiscard]] bool is_list(std::string_view key) const;
    /// The object at `key`.
    [[nodiscard]] Config object(std::string_view key) const;

    /// An object at this place with nothing in it, for one that is left out.
    [[nodiscard]] Config empty() const;

    /// A whole number from `least` to 1e8.
    int size(std::string_view key, int least) const;
    int size(std::string_view key, int least, int fallback) const;
    /// The first of several spellings that is there.
    int any_size(const std::vector<std::string>& keys, int least) const;
    int any_size(const std::vector<std::string>& keys, int least, int fallback) const;
    bool flag(std::string_view key, bool fallback) const;
    std::string text(std::string_view key) const;
    std::string text(std::string_view key, std::string_view fallback) const;
    std::vector<std::string> texts(std::string_view key) const;  // empty when absent
    std::vector<int> sizes(std::string_view key, int least) const;

    /// Throws InputError at `key`, or at this object when it is absent.
    [[noreturn]] void fail(std::string_view key, std::string_view what,
                           std::string_view hint = {}) const;

    /// "num_key_value_heads = 32" for each fallback that was used, in the order of reading.
    [[nodiscard]] const std::vector<std::string>& filled() const { return *filled_; }
    [[nodiscard]] const std::string& name() const { return node_->place.source->name; }

private:
    Config(std::shared_ptr<const sim::Node> root, const sim::Node* node, std::string path,
           std::shared_ptr<std::vector<std::string>> filled);
    [[nodiscard]] const sim::Node* find(std::string_view key) const;
    [[nodiscard]] const sim::Node& need(std::string_view key, std::string_view expected) const;
    [[nodiscard]] std::string item_pointer(std::string_view key, std::size_t i) const;
    template <class T>
    T fill(std::string_view key, T value, std::string_view shown) const;

    std::shared_ptr<const sim::Node> root_;  // keeps the tree
    const sim::Node* node_;
    std::string path_;  // JSON pointer of this object
    std::shared_ptr<std::vector<std::string>> filled_;
};

}  // namespace moesim::models::hf
