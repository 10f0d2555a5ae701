#include "analysis/validation/row_settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace moesim::analysis {
namespace {

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

/// The words after the colon, at commas; notes in parentheses left out.
std::vector<std::string> words_after_colon(const std::string& text) {
    std::vector<std::string> out;
    std::string word;
    int depth = 0;
    for (const char c : text.substr(std::min(text.find(':') + 1, text.size())) + ",") {
        depth += (c == '(') - (c == ')');
        if (depth > 0 || c == ')') continue;
        if (c != ',') {
            word += c;
            continue;
        }
        const auto from = word.find_first_not_of(' ');
        if (from != std::string::npos)
            out.push_back(word.substr(from, word.find_last_not_of(' ') - from + 1));
        word.clear();
    }
    return out;
}

std::string array_of(const std::vector<std::string>& words) {
    std::string out = "[";
    for (const std::string& word : words)
        out += fmt::format("{}\"{}\"", out.size() > 1 ? ", " : "", word);
    return out + "]";
}

}  // namespace

bool mentions(const std::string& text, const std::string& word) {
    return lower(text).find(lower(word)) != std::string::npos;
}

std::optional<std::string> precision_of(const std::string& text) {
    static constexpr std::array<std::pair<const char*, const char*>, 10> names{
        {{"delayed", "\"fp8_delayed\""},
         {"nvfp4", "\"nvfp4\""},
         {"mxfp8", "\"mxfp8\""},
         {"fp8-mx", "\"mxfp8\""},
         {"blockwise", "\"fp8_block\""},
         {"fp8 block", "\"fp8\""},  // HAI-LLM: blocks, with its own formats on the wire
         {"fp8-cs", "\"fp8_tensor\""},
         {"tensorwise", "\"fp8_tensor\""},
         {"fp8", "\"fp8_tensor\""},
         {"bf16", "\"bf16\""}}};
    for (const auto& [word, name] : names)
        if (mentions(text, word)) return name;
    return std::nullopt;
}

std::string precision_class(const std::string& text) {
    const auto name = precision_of(text);
    if (!name) return "unknown";
    if (*name == "\"bf16\"" || *name == "\"mxfp8\"" || *name == "\"nvfp4\"")
        return name->substr(1, name->size() - 2);
    return "fp8";
}

std::optional<std::string> dispatcher_of(const std::string& text) {
    if (mentions(text, "deepep")) return "\"deepep\"";
    if (mentions(text, "hybridep")) return "\"hybridep\"";
    if (mentions(text, "nccl")) return "\"alltoall\"";
    if (mentions(text, "allgather")) return "\"allgather\"";
    return std::nullopt;
}

std::optional<std::string> recompute_of(const std::string& text) {
    if (text == "none") return "[]";
    if (text.starts_with("full")) return "[\"full\"]";
    if (!text.starts_with("selective")) return std::nullopt;
    return array_of(words_after_colon(text));
}

std::optional<std::string> cuda_graphs_of(const std::string& text) {
    if (text == "none") return "false";
    if (text.starts_with("full")) return "true";
    if (text.find(':') == std::string::npos) return std::nullopt;
    return array_of(words_after_colon(text));
}

std::optional<std::vector<int>> layers_of(const std::string& text) {
    std::vector<int> out;
    int value = -1;
    for (const char c : text + "-") {
        if (c >= '0' && c <= '9' && value < 100000) {
            value = std::max(value, 0) * 10 + (c - '0');
        } else if (c == '-' && value >= 0) {
            out.push_back(value);
            value = -1;
        } else {
            return std::nullopt;
        }
    }
    return out;
}

}  // namespace moesim::analysis
