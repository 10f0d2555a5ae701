#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sim/input.hpp"

namespace moesim::scenarios {

/// Values of the symbols in a recipe's `elements` expressions.
///   T tokens of the micro-batch on this rank    A routed rows received, padded    U distinct
///   tokens received    h hidden    a heads    g kv heads    x qk head size    v value head size q
///   query rank    c kv rank    r rope size    f routed expert width    s shared width, all shared
///   experts    d dense width    E experts    k top-k    V vocabulary (this rank's shard)
///   e routed experts on this rank
struct Symbols {
    double T = 0, A = 0, U = 0, h = 0, a = 0, g = 0, x = 0, v = 0, q = 0, c = 0, r = 0, f = 0,
           s = 0, d = 0, E = 0, k = 0, V = 0, e = 0;
};

/// A sum of products of symbols and numbers, such as "T*h", "A*h + U*h" or "2*T*s/128 - T*r".
class Expression {
public:
    /// Throws std::invalid_argument naming the bad symbol.
    static Expression parse(const std::string& text);
    [[nodiscard]] double operator()(const Symbols& s) const;
    [[nodiscard]] bool uses(char symbol) const;
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    struct Term {
        double factor;
        std::string symbols;
    };
    std::vector<Term> terms_;
    std::string text_;
};

/// A memory-bound kernel, or a chain of small ones, that a precision recipe runs in a segment of a
/// layer. Where `elements` is zero nothing runs. GEMMs and attention cores are no ops of a recipe.
struct MemoryOp {
    std::string
        segment;  // "attention.forward", "moe.input_gradient", "dense.forward", "head.forward", ...
    std::string name;  // what the profile is asked for
    Expression elements;
    double bytes_per_element = 0;  // read + written, all launches together
    int launches = 1;              // kernels
    int unfused = 0;               // kernels where the plan leaves `fusion` out; 0: as launches
    std::string fusion;            // what makes them few: "" router permute
    bool per_expert = false;       // launches are of each routed expert
    bool module = false;           // the host runs a module of the framework, not an operator
    std::string needs;  // "" always; else only in layers that have it: mla gqa qk_norm moe dense
                        // shared expert_bias mixer (of any kind) ffn (of any kind); or where
                        // rows_padded: rows of experts are padded by a copy
    std::string recompute;  // "" always; else only when the scenario recomputes this module
};

/// A number format on the wire: payload bytes per element and bytes of scales per element.
struct WireFormat {
    double bytes = 2;
    double scale_bytes = 0;
};

/// Casting an operand of a GEMM to the GEMM's format, both layouts that the three passes need.
struct Quantize {
    std::string name;              // what the profile is asked for; "" when nothing is cast
    double bytes_per_element = 0;  // read + written, all launches together
    int launches = 1;
};

/// Which GEMMs run in which format, what is cast, what travels, what is stored.
struct Recipe {
    std::string name;
    /// Format of the GEMMs by class of Linear: attention latent dense shared routed router head.
    std::map<std::string, std::string> gemm;
    WireFormat dispatch, combine, dispatch_gradient /* gradient of combine */,
        combine_gradient /* gradient of dispatch */;
    double weight_bytes = 2;        // working copy, per parameter
    double gradient_bytes = 4;      // main gradient
    double master_bytes = 4;        // master weight, sharded with the optimizer
    double moment_bytes = 8;        // both moments together
    double reduce_bytes = 4;        // gradient on the wire
    double gather_bytes = 2;        // parameter on the wire
    double linear_input_bytes = 2;  // what a linear keeps for its weight gradient, per element
    double workspace_bytes = 0;     // of the library, for each stream that products run on
    int row_padding = 1;            // rows of an expert are padded to this
    std::vector<MemoryOp> memory;
    /// For recipes that treat all GEMMs alike: the cast of a GEMM's input in the forward pass and
    /// of its output's gradient in the backward pass, for every GEMM that is not in BF16.
    Quantize cast_input, cast_gradient;
    nlohmann::ordered_json resolved;
};

/// Reads scenarios/recipes/NAME.toml (or a path). A recipe with `base = "NAME"` has everything of
/// that one which it does not say itself; ops are the base's. Throws sim::InputError.
Recipe load_recipe(const std::string& name);

}  // namespace moesim::scenarios
