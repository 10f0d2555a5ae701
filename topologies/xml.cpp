#include "topologies/xml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "sim/input.hpp"

namespace moesim::topologies {
namespace {

constexpr int kDeepest = 64, kMost = 100000;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == ':';
}

class Reader {
public:
    Reader(std::string_view text, const std::string& file) : text_{text}, file_{file} {}

    XmlElement document() {
        skip_to_element();
        if (at_ == text_.size()) fail("no element");
        XmlElement root = element(0);
        skip_to_element();
        if (at_ != text_.size()) fail("a second root element");
        return root;
    }

private:
    [[noreturn]] void fail(const std::string& what) const {
        throw sim::InputError(fmt::format("{}:{}: error: {}", file_, line(), what));
    }

    [[nodiscard]] int line() const {
        return 1 + static_cast<int>(std::count(
                       text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n'));
    }

    [[nodiscard]] bool sees(std::string_view what) const {
        return text_.substr(at_).starts_with(what);
    }

    void skip_past(std::string_view end, const char* what) {
        const std::size_t found = text_.find(end, at_);
        if (found == std::string_view::npos) fail(fmt::format("{} does not end", what));
        at_ = found + end.size();
    }

    void skip_space() {
        while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    }

    /// To the next '<' that begins an element or ends one; comments and declarations are left out.
    void skip_to_element() {
        while (true) {
            at_ = std::min(text_.find('<', at_), text_.size());
            if (sees("<!--"))
                skip_past("-->", "a comment");
            else if (sees("<?"))
                skip_past("?>", "a declaration");
            else if (sees("<!"))
                fail("a document type or CDATA section, which is not read here");
            else
                return;
        }
    }

    std::string name() {
        const std::size_t begin = at_;
        while (at_ < text_.size() && is_name(text_[at_])) ++at_;
        if (at_ == begin) fail("expected a name");
        return std::string{text_.substr(begin, at_ - begin)};
    }

    std::string unescaped(std::string_view raw) const {
        static constexpr std::array<std::pair<std::string_view, char>, 5> kEntities{
            {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};
        std::string out;
        for (std::size_t i = 0; i < raw.size();) {
            if (raw[i] != '&') {
                out += raw[i++];
                continue;
            }
            const auto entity =
                std::find_if(kEntities.begin(), kEntities.end(),
                             [&](const auto& e) { return raw.substr(i).starts_with(e.first); });
            if (entity == kEntities.end()) fail("an entity that is not read here");
            out += entity->second;
            i += entity->first.size();
        }
        return out;
    }

    void attribute(XmlElement& to) {
        const std::string key = name();
        skip_space();
        if (!sees("=")) fail(fmt::format("expected '=' after '{}'", key));
        ++at_;
        skip_space();
        if (!sees("\"") && !sees("'")) fail(fmt::format("expected a quoted value of '{}'", key));
        const char quote = text_[at_++];
        const std::size_t end = text_.find(quote, at_);
        if (end == std::string_view::npos) fail(fmt::format("the value of '{}' does not end", key));
        if (!to.attributes.emplace(key, unescaped(text_.substr(at_, end - at_))).second)
            fail(fmt::format("'{}' twice", key));
        at_ = end + 1;
    }

    XmlElement element(int depth) {
        if (depth > kDeepest) fail(fmt::format("more than {} elements deep", kDeepest));
        if (++count_ > kMost) fail(fmt::format("more than {} elements", kMost));
        XmlElement out;
        out.line = line();
        ++at_;  // '<'
        out.name = name();
        while (true) {
            skip_space();
            if (at_ == text_.size()) fail(fmt::format("<{}> does not end", out.name));
            if (sees("/>")) {
                at_ += 2;
                return out;
            }
            if (sees(">")) break;
            attribute(out);
        }
        ++at_;
        while (true) {
            skip_to_element();
            if (at_ == text_.size()) fail(fmt::format("<{}> does not end", out.name));
            if (!sees("</")) {
                out.children.push_back(element(depth + 1));
                continue;
            }
            at_ += 2;
            if (const std::string end = name(); end != out.name)
                fail(fmt::format("</{}> ends <{}>", end, out.name));
            skip_space();
            if (!sees(">")) fail("expected '>'");
            ++at_;
            return out;
        }
    }

    std::string_view text_;
    const std::string& file_;
    std::size_t at_ = 0;
    int count_ = 0;
};

}  // namespace

std::string XmlElement::get(const std::string& attribute) const {
    const auto found = attributes.find(attribute);
    return found == attributes.end() ? "" : found->second;
}

XmlElement parse_xml(const std::string& text, const std::string& file) {
    return Reader{text, file}.document();
}

}  // namespace moesim::topologies
