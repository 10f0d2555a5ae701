#include "sim/toml_guard.hpp"

#include <algorithm>
#include <string_view>

#include "sim/input.hpp"

namespace moesim::sim {
namespace {

constexpr int kMostParts = 32;
constexpr auto npos = std::string_view::npos;

bool beyond_ascii(char c) { return static_cast<unsigned char>(c) >= 0x80; }

class Guard {
public:
    explicit Guard(const std::shared_ptr<const Source>& source)
        : source_{source}, text_{source->text}, at_{text_.starts_with("\xef\xbb\xbf") ? 3u : 0u} {}

    void run() {
        if (const std::size_t nul = text_.find('\0'); nul != npos)
            refuse(nul, "a NUL byte: this is not text");
        while (at_ < text_.size()) {
            const char c = text_[at_];
            if (c == '"' || c == '\'')
                skip_string(c);
            else if (c == '#')
                at_ = std::min(text_.find('\n', at_), text_.size());
            else
                check_bare(c);
        }
    }

private:
    [[noreturn]] void refuse(std::size_t offset, std::string_view what,
                             std::string_view hint = {}) const {
        const std::string_view before = text_.substr(0, offset);
        Place place{source_};
        place.line += static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
        const std::size_t newline = before.rfind('\n');
        const std::size_t bom = before.starts_with("\xef\xbb\xbf") ? 3 : 0;
        for (std::size_t i = newline == npos ? bom : newline + 1; i < offset;) {
            i += std::max<std::size_t>(1, utf8_length(text_.substr(i)));
            ++place.column;
        }
        place.end_line = place.line;
        place.end_column = place.column;
        throw InputError{complaint(place, "", what, hint)};
    }

    void check_bare(char c) {
        if (beyond_ascii(c)) {
            if (utf8_length(text_.substr(at_)) == 0) refuse(at_, "not valid UTF-8");
            refuse(at_, "not valid TOML: a character outside ASCII that is not in quotes");
        }
        const bool in_key = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                            (c >= 'A' && c <= 'Z') || c == '_' || c == '-' || c == ' ' || c == '\t';
        if (c == '.' && ++parts_ > kMostParts) refuse(at_, "a key of more than 32 parts");
        if (c != '.' && !in_key) parts_ = 1;
        ++at_;
    }

    /// Leaves at_ behind the string; at the end of the line or text when it never closes.
    void skip_string(char quote) {
        const std::string three(3, quote);
        const bool multi_line = text_.substr(at_).starts_with(three);
        for (at_ += multi_line ? 3 : 1; at_ < text_.size();) {
            if (text_[at_] == '\\' && quote == '"') {
                multi_line ? skip_escape() : void(at_ += 2);
            } else if (multi_line && text_.substr(at_, 3) == three) {
                at_ += 3;  // up to two more quotes belong to the string
                for (int i = 0; i < 2 && at_ < text_.size() && text_[at_] == quote; ++i) ++at_;
                return;
            } else {
                const char c = text_[at_++];
                if (!multi_line && (c == quote || c == '\n')) return;
            }
        }
        at_ = text_.size();
    }

    /// A backslash in a multi-line string; when it ends its line, with the white space that
    /// follows.
    void skip_escape() {
        const std::size_t next =
            std::min(text_.find_first_not_of(" \t\r\n", at_ + 1), text_.size());
        if (next < text_.size() && beyond_ascii(text_[next]))
            refuse(next, "a character outside ASCII right behind a backslash",
                   "write its escape, such as \\u00e4");
        at_ = next == at_ + 1 ? at_ + 2 : next;
    }

    std::shared_ptr<const Source> source_;
    std::string_view text_;
    std::size_t at_;
    int parts_ = 1;  // of the dotted key that at_ may be in
};

}  // namespace

void guard_parser(const std::shared_ptr<const Source>& source) { Guard{source}.run(); }

}  // namespace moesim::sim
