#include <cctype>
#include <cstdlib>
#include <stdexcept>

#include "scenarios/recipe.hpp"

namespace moesim::scenarios {
namespace {

double Symbols::*symbol(char c) {
    switch (c) {
        case 'T':
            return &Symbols::T;
        case 'A':
            return &Symbols::A;
        case 'U':
            return &Symbols::U;
        case 'h':
            return &Symbols::h;
        case 'a':
            return &Symbols::a;
        case 'g':
            return &Symbols::g;
        case 'x':
            return &Symbols::x;
        case 'v':
            return &Symbols::v;
        case 'q':
            return &Symbols::q;
        case 'c':
            return &Symbols::c;
        case 'r':
            return &Symbols::r;
        case 'f':
            return &Symbols::f;
        case 's':
            return &Symbols::s;
        case 'd':
            return &Symbols::d;
        case 'E':
            return &Symbols::E;
        case 'k':
            return &Symbols::k;
        case 'V':
            return &Symbols::V;
        case 'e':
            return &Symbols::e;
        default:
            return nullptr;
    }
}

/// The text without spaces, read from left to right.
struct Cursor {
    std::string text;
    std::size_t at = 0;

    [[nodiscard]] char peek() const { return at < text.size() ? text[at] : '\0'; }
    [[noreturn]] void fail() const {
        if (at >= text.size())
            throw std::invalid_argument{"ends where a symbol or number should be"};
        throw std::invalid_argument{
            std::string{"'"} + text[at] +
            "' is no symbol (T A U h a g x v q c r f s d E k V e) or number"};
    }
    double number() {
        // Digits and a point only: strtod alone would take "inf", "nan", hexadecimals and
        // exponents.
        std::size_t end = at;
        while (end < text.size() &&
               (std::isdigit(static_cast<unsigned char>(text[end])) != 0 || text[end] == '.'))
            ++end;
        const std::string digits = text.substr(at, end - at);
        char* stop = nullptr;
        const double value = std::strtod(digits.c_str(), &stop);
        if (digits.empty() || stop != digits.c_str() + digits.size()) fail();
        at = end;
        return value;
    }
};

}  // namespace

Expression Expression::parse(const std::string& text) {
    Expression out;
    out.text_ = text;
    Cursor in;
    for (const char c : text)
        if (c != ' ') in.text += c;
    double sign = 1;
    while (true) {
        Term term{sign, {}};
        bool divide = false;
        while (true) {
            if (!divide && symbol(in.peek()) != nullptr) {
                term.symbols += in.text[in.at++];
            } else {
                const double value = in.number();
                if (divide && !(value > 0)) throw std::invalid_argument{"divides by zero"};
                term.factor = divide ? term.factor / value : term.factor * value;
            }
            if (in.peek() != '*' && in.peek() != '/') break;
            divide = in.text[in.at++] == '/';
        }
        out.terms_.push_back(std::move(term));
        if (in.at == in.text.size()) return out;
        if (in.peek() != '+' && in.peek() != '-') in.fail();
        sign = in.text[in.at++] == '-' ? -1 : 1;
    }
}

double Expression::operator()(const Symbols& s) const {
    double sum = 0;
    for (const Term& term : terms_) {
        double product = term.factor;
        for (const char c : term.symbols) product *= s.*symbol(c);
        sum += product;
    }
    return sum;
}

bool Expression::uses(char c) const {
    for (const Term& term : terms_)
        if (term.symbols.find(c) != std::string::npos) return true;
    return false;
}

}  // namespace moesim::scenarios
