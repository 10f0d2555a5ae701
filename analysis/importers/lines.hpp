#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moesim::analysis {

/// The lines of a text with their numbers, without their ends.
class Lines {
public:
    explicit Lines(std::string_view text) : text_{text} {}

    bool next() {
        if (at_ >= text_.size()) return false;
        const std::size_t end = std::min(text_.find('\n', at_), text_.size());
        line_ = text_.substr(at_, end - at_);
        if (!line_.empty() && line_.back() == '\r') line_.remove_suffix(1);
        at_ = end + 1;
        ++number_;
        return true;
    }

    [[nodiscard]] std::string_view line() const { return line_; }
    [[nodiscard]] std::size_t number() const { return number_; }

private:
    std::string_view text_, line_;
    std::size_t at_ = 0, number_ = 0;
};

/// Words of a line, between blanks.
inline std::vector<std::string_view> words(std::string_view line) {
    std::vector<std::string_view> out;
    for (std::size_t at = 0; (at = line.find_first_not_of(" \t", at)) != std::string_view::npos;) {
        const std::size_t end = std::min(line.find_first_of(" \t", at), line.size());
        out.push_back(line.substr(at, end - at));
        at = end;
    }
    return out;
}

/// A finite number above zero that takes up the whole word, or NaN.
double positive_number(std::string_view word);

}  // namespace moesim::analysis
