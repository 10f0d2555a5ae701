#include "analysis/sweep/condition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

namespace moesim::analysis {

struct Condition::Node {
    std::string op;  // "number", "word", "name", an operator or a function
    double number = 0;
    std::string text;
    std::vector<std::shared_ptr<const Node>> of{};
    std::size_t from = 0, to = 0;
};

namespace {

using NodePtr = std::shared_ptr<const Condition::Node>;

constexpr int kDeepest = 100;

/// Binary operators, loosest first; those of a row bind alike, from the left.
const std::vector<std::vector<std::string>> kLevels{
    {"or"}, {"and"}, {"==", "!=", "<=", ">=", "<", ">"}, {"+", "-"}, {"*", "/", "%"}};

bool starts_name(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool in_name(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.';
}

/// Recursive descent over the text.
class Parser {
public:
    Parser(const OptionText& in, std::vector<Condition::Name>& names) : in_{in}, names_{names} {}

    NodePtr whole() {
        NodePtr out = level(0);
        if (skip() < in_.text.size()) refuse("an operator belongs here");
        return out;
    }

private:
    [[noreturn]] void refuse(std::string_view what) {
        in_.refuse(at_, at_ + 1, what, "such as: parallel.tensor * parallel.pipeline <= 64");
    }
    std::size_t skip() {
        while (at_ < in_.text.size() && (in_.text[at_] == ' ' || in_.text[at_] == '\t')) ++at_;
        return at_;
    }
    bool take(const std::string& word) {
        skip();
        if (in_.text.compare(at_, word.size(), word) != 0) return false;
        if (starts_name(word.front()) && at_ + word.size() < in_.text.size() &&
            in_name(in_.text[at_ + word.size()]))
            return false;
        at_ += word.size();
        return true;
    }
    bool take_operator(const std::string& op) {
        if (op == "or") return take("or") || take("||");
        if (op == "and") return take("and") || take("&&");
        return take(op);
    }

    NodePtr level(std::size_t row) {
        if (row == kLevels.size()) return single();
        const std::size_t from = skip();
        NodePtr left = level(row + 1);
        for (bool more = true; more;) {
            more = false;
            for (const std::string& op : kLevels[row]) {
                if (!take_operator(op)) continue;
                if (++depth_ > 10 * kDeepest) refuse("a longer expression than anybody needs");
                NodePtr right = level(row + 1);
                left = std::make_shared<Condition::Node>(
                    Condition::Node{op, 0, "", {left, right}, from, at_});
                more = row != 2;  // comparisons do not chain
                break;
            }
        }
        return left;
    }

    NodePtr single() {
        struct Deeper {
            int& depth;
            explicit Deeper(int& d) : depth{d} { ++depth; }
            ~Deeper() { --depth; }
        } deeper{nesting_};
        if (nesting_ > kDeepest) refuse("brackets too deep");
        const std::size_t from = skip();
        for (const std::string op : {"not", "!", "-"})
            if (take(op))
                return std::make_shared<Condition::Node>(
                    Condition::Node{op == "-" ? "negative" : "not", 0, "", {single()}, from, at_});
        if (take("(")) {
            NodePtr inside = level(0);
            if (!take(")")) refuse("a ')' belongs here");
            return inside;
        }
        if (at_ >= in_.text.size()) refuse("ends where a name or number should be");
        const char c = in_.text[at_];
        if (c == '"' || c == '\'') return word(from, c);
        if (starts_name(c)) return name(from);
        double value = 0;
        const char* first = in_.text.data() + at_;
        const auto [end, error] = std::from_chars(first, in_.text.data() + in_.text.size(), value);
        if (error != std::errc{} || !std::isfinite(value)) refuse("no name or number");
        at_ += static_cast<std::size_t>(end - first);
        return std::make_shared<Condition::Node>(
            Condition::Node{"number", value, "", {}, from, at_});
    }

    NodePtr word(std::size_t from, char quote) {
        const std::size_t close = in_.text.find(quote, at_ + 1);
        if (close == std::string::npos) refuse("a quote that is not closed");
        at_ = close + 1;
        return std::make_shared<Condition::Node>(
            Condition::Node{"word", 0, in_.text.substr(from + 1, close - from - 1), {}, from, at_});
    }

    NodePtr name(std::size_t from) {
        while (at_ < in_.text.size() && in_name(in_.text[at_])) ++at_;
        const std::string text = in_.text.substr(from, at_ - from);
        static const std::vector<std::pair<std::string, std::size_t>> functions{
            {"min", 2}, {"max", 2}, {"log", 1}, {"sqrt", 1}, {"ceil", 1}};
        for (const auto& [function, arguments] : functions) {
            if (text != function || !take("(")) continue;
            Condition::Node out{text, 0, "", {level(0)}, from, at_};
            while (take(",")) out.of.push_back(level(0));
            if (!take(")")) refuse("a ')' belongs here");
            if (out.of.size() != arguments)
                in_.refuse(from, at_, fmt::format("{} takes {} values", text, arguments));
            return std::make_shared<Condition::Node>(std::move(out));
        }
        names_.push_back({text, from, at_});
        return std::make_shared<Condition::Node>(Condition::Node{"name", 0, text, {}, from, at_});
    }

    const OptionText& in_;
    std::vector<Condition::Name>& names_;
    std::size_t at_ = 0;
    int depth_ = 0, nesting_ = 0;
};

double apply(const std::string& op, double a, double b) {
    if (op == "+") return a + b;
    if (op == "-") return a - b;
    if (op == "*") return a * b;
    if (op == "/") return a / b;
    if (op == "%") return std::fmod(a, b);
    if (op == "==") return a == b;
    if (op == "!=") return a != b;
    if (op == "<=") return a <= b;
    if (op == ">=") return a >= b;
    if (op == "<") return a < b;
    if (op == ">") return a > b;
    if (op == "and") return a != 0 && b != 0;
    if (op == "or") return a != 0 || b != 0;
    if (op == "min") return std::min(a, b);
    return std::max(a, b);
}

Term value_of(const Condition::Node& node, const OptionText& text,
              const Condition::Lookup& lookup) {
    if (node.op == "number") return node.number;
    if (node.op == "word") return node.text;
    if (node.op == "name") return lookup(node.text);
    const auto number = [&](const Term& term, const Condition::Node& of) {
        if (const double* value = std::get_if<double>(&term)) return *value;
        text.refuse(of.from, of.to,
                    fmt::format("'{}' is a word, not a number", std::get<std::string>(term)));
    };
    const Term first = value_of(*node.of[0], text, lookup);
    if (node.of.size() == 1) {
        const double a = number(first, *node.of[0]);
        if (node.op == "negative") return -a;
        if (node.op == "not") return a == 0 ? 1.0 : 0.0;
        if (node.op == "log") return std::log(a);
        if (node.op == "sqrt") return std::sqrt(a);
        return std::ceil(a);
    }
    const Term second = value_of(*node.of[1], text, lookup);
    if ((node.op == "==" || node.op == "!=") && first.index() == 1 && second.index() == 1)
        return (first == second) == (node.op == "==") ? 1.0 : 0.0;
    return apply(node.op, number(first, *node.of[0]), number(second, *node.of[1]));
}

}  // namespace

Condition Condition::parse(OptionText text) {
    Condition out;
    out.text_ = std::move(text);
    out.root_ = Parser{out.text_, out.names_}.whole();
    return out;
}

Term Condition::evaluate(const Lookup& value) const { return value_of(*root_, text_, value); }

double Condition::number(const Lookup& value) const {
    const Term term = evaluate(value);
    if (const double* number = std::get_if<double>(&term)) return *number;
    text_.refuse(0, text_.text.size(), "a word where a number is wanted");
}

}  // namespace moesim::analysis
