#include "sim/json.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <set>

#include "sim/input.hpp"

namespace moesim::sim {
namespace {

constexpr int kDeepest = 64;
constexpr std::size_t kLargest = 4u << 20;  // bytes; those of real models have some thousands

/// Recursive descent over the text; the depth is bounded, so the stack is.
class Parser {
public:
    explicit Parser(std::shared_ptr<const Source> source)
        : source_{std::move(source)}, text_{source_->text} {
        if (text_.starts_with("\xef\xbb\xbf")) line_start_ = at_ = 3;
    }

    Node document() {
        blank();
        if (at_ == text_.size()) fail("an empty file");
        Node root = value(0);
        blank();
        if (at_ != text_.size()) fail("something follows the end of the document");
        return root;
    }

private:
    struct Mark {
        std::size_t line, column;
    };

    [[nodiscard]] Mark mark() const {  // columns count code points; each is passed once
        for (counted_ = std::max(counted_, line_start_); counted_ < at_; ++counted_)
            column_ += (static_cast<unsigned char>(text_[counted_]) & 0xc0) != 0x80;
        return {line_, column_};
    }
    [[nodiscard]] Place from(const Mark& begin) const {
        const Mark end = mark();
        return {source_, begin.line, begin.column, end.line, end.column};
    }
    [[noreturn]] void fail(std::string_view what) const {
        const Mark here = mark();
        throw InputError{complaint({source_, here.line, here.column, here.line, here.column + 1},
                                   "", fmt::format("not JSON: {}", what), "")};
    }

    void blank() {
        for (; at_ < text_.size(); ++at_) {
            if (text_[at_] == '\n') {
                ++line_;
                line_start_ = at_ + 1;
                column_ = 1;
            } else if (text_[at_] != ' ' && text_[at_] != '\t' && text_[at_] != '\r') {
                return;
            }
        }
    }
    [[nodiscard]] char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
    bool take(std::string_view word) {
        if (!text_.substr(at_).starts_with(word)) return false;
        at_ += word.size();
        return true;
    }
    void want(char c, std::string_view why) {
        if (at_ == text_.size()) fail("the file ends too early");
        if (text_[at_] != c) fail(why);
        ++at_;
    }

    Node value(int depth) {
        if (depth > kDeepest) fail(fmt::format("nested deeper than {} levels", kDeepest));
        if (at_ > kLargest) fail("more text than any configuration has");
        const Mark begin = mark();
        Node out;
        switch (peek()) {
            case '{':
                out.value = members(depth);
                break;
            case '[':
                out.value = items(depth);
                break;
            case '"':
                out.value = string();
                break;
            default:
                out.value = scalar();
        }
        out.place = from(begin);
        return out;
    }

    Members members(int depth) {
        Members out;
        std::set<std::string, std::less<>> seen;
        ++at_;
        blank();
        if (peek() == '}') return ++at_, out;
        while (true) {
            const Mark begin = mark();
            if (peek() != '"')
                fail(at_ == text_.size() ? "the file ends too early" : "expected a key in quotes");
            std::string key = string();
            const Place key_place = from(begin);
            if (!seen.insert(key).second)
                throw InputError{complaint(
                    key_place, "", fmt::format("the key '{}' comes twice", printable(key)), "")};
            blank();
            want(':', "expected ':' behind the key");
            blank();
            out.push_back({std::move(key), key_place, value(depth + 1)});
            blank();
            if (peek() == '}') return ++at_, out;
            want(',', "expected ',' or '}'");
            blank();
        }
    }

    Items items(int depth) {
        Items out;
        ++at_;
        blank();
        if (peek() == ']') return ++at_, out;
        while (true) {
            out.push_back(value(depth + 1));
            blank();
            if (peek() == ']') return ++at_, out;
            want(',', "expected ',' or ']'");
            blank();
        }
    }

    decltype(Node::value) scalar() {
        constexpr double kInfinity = std::numeric_limits<double>::infinity();
        if (take("true")) return true;
        if (take("false")) return false;
        if (take("null")) return Date{};  // stands for null
        if (take("NaN")) return std::numeric_limits<double>::quiet_NaN();
        if (take("Infinity")) return kInfinity;
        if (take("-Infinity")) return -kInfinity;
        if (at_ == text_.size()) fail("the file ends too early");
        return number();
    }

    decltype(Node::value) number() {
        const std::size_t end = text_.find_first_not_of("0123456789+-.eE", at_);
        const std::string_view word =
            text_.substr(at_, end == std::string_view::npos ? end : end - at_);
        const bool negative = word.starts_with('-');
        const std::string_view digits = word.substr(negative ? 1 : 0);
        if (digits.empty() || digits[0] < '0' || digits[0] > '9' || word.size() > 400)
            fail("expected a value");
        if (digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9')
            fail("a number begins with 0");
        const char* const last = word.data() + word.size();
        std::int64_t integer = 0;
        if (const auto read = std::from_chars(word.data(), last, integer);
            read.ec == std::errc{} && read.ptr == last)
            return at_ += word.size(), integer;
        double real = 0;
        const auto read = std::from_chars(word.data(), last, real);
        if (read.ptr != last || read.ec == std::errc::invalid_argument) fail("expected a number");
        if (read.ec == std::errc::result_out_of_range) fail("a number that no double holds");
        return at_ += word.size(), real;
    }

    std::string string() {
        std::string out;
        for (++at_; peek() != '"'; ++at_) {
            if (at_ >= text_.size()) fail("the file ends inside a string");
            const auto c = static_cast<unsigned char>(text_[at_]);
            if (c < 0x20) fail("a control character inside a string");
            if (c != '\\') {
                out += text_[at_];
                continue;
            }
            ++at_;
            static constexpr std::string_view kEscapes = "\"\\/bfnrt", kMeaning = "\"\\/\b\f\n\r\t";
            if (const std::size_t which = kEscapes.find(peek());
                which != std::string_view::npos && peek() != '\0')
                out += kMeaning[which];
            else if (peek() == 'u')
                append_code_point(out);
            else
                fail("an unknown escape");
        }
        ++at_;
        return out;
    }

    /// Four hexadecimal digits behind "u"; surrogates become '?', no key or name here needs them.
    void append_code_point(std::string& out) {
        unsigned code = 0;
        const std::string_view hex = text_.substr(std::min(at_ + 1, text_.size()), 4);
        const auto read = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
        if (hex.size() < 4 || read.ptr != hex.data() + 4) fail("an unknown escape");
        at_ += 4;
        if (code < 0x80) {
            out += static_cast<char>(code);
        } else if (code < 0x800) {
            out += static_cast<char>(0xc0 | (code >> 6));
            out += static_cast<char>(0x80 | (code & 0x3f));
        } else if (code >= 0xd800 && code < 0xe000) {
            out += '?';
        } else {
            out += static_cast<char>(0xe0 | (code >> 12));
            out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
            out += static_cast<char>(0x80 | (code & 0x3f));
        }
    }

    std::shared_ptr<const Source> source_;
    std::string_view text_;
    std::size_t at_ = 0, line_ = 1, line_start_ = 0;
    mutable std::size_t counted_ = 0, column_ = 1;
};

}  // namespace

Node parse_json(const std::shared_ptr<const Source>& source) { return Parser{source}.document(); }

std::string pointer(std::string_view path, std::string_view key) {
    std::string out{path};
    out += '/';
    for (const char c : key) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
    return out;
}

}  // namespace moesim::sim
