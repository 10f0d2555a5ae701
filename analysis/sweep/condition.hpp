#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "analysis/sweep/option_text.hpp"

namespace moesim::analysis {

/// A number or a word; comparisons give 1 and 0.
using Term = std::variant<double, std::string>;

/// An expression over named values: conditions of a sweep, figures of a claim.
///
///     parallel.tensor * parallel.pipeline <= 64 and step.schedule != "gpipe"
///
/// + - * / %, comparisons, and or not (&& || !), brackets, numbers, "words", names with dots, and
/// min(a, b), max(a, b), log(a), sqrt(a), ceil(a). Comparisons do not chain.
class Condition {
public:
    /// Throws sim::InputError at what is not understood.
    static Condition parse(OptionText text);

    /// `value` gives what a name stands for, or throws sim::InputError.
    using Lookup = std::function<Term(const std::string& name)>;
    [[nodiscard]] Term evaluate(const Lookup& value) const;
    /// The same where a number is wanted; throws sim::InputError for a word.
    [[nodiscard]] double number(const Lookup& value) const;
    /// Every name in it, with its place in the text.
    struct Name {
        std::string name;
        std::size_t from, to;
    };
    [[nodiscard]] const std::vector<Name>& names() const { return names_; }
    [[nodiscard]] const OptionText& text() const { return text_; }

    struct Node;

private:
    OptionText text_;
    std::shared_ptr<const Node> root_;
    std::vector<Name> names_;
};

}  // namespace moesim::analysis
